"""What travels between the services: kinds, tokens, names and versions; pure."""
