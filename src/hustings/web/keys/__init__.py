"""Keys of programs: made by people on their account page, for `/api/v1`."""
