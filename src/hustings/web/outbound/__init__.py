"""What this house asks of addresses that people type in: through one guarded door."""
