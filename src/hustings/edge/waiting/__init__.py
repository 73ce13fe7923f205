"""The queue for low-delay seats, and the tickets that hold a place in it."""
