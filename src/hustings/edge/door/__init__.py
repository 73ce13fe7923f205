"""Who may come in, now, soon or later."""
