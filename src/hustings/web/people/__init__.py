"""The people of this house: owners invite them, give them roles, and let them go."""
