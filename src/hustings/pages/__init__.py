"""Templates, static files and translations, rendered to bytes; no business rules."""
