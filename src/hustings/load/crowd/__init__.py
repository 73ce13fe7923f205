"""A process full of listeners: what they ask for, what they hear, what is noted of it."""
