"""What this house sends to addresses that people type in: through one guarded door."""
