"""What comes in by HTTP and WebSocket: people, their sound, other services, the feeds."""
