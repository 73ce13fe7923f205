"""What listeners say and how many they are, gathered into one batch a second."""
