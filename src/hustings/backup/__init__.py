"""A house in one file, taken while it is live, and a house out of that file."""
