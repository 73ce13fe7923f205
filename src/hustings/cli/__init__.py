"""What a person types; each command a module, thin over the services."""
