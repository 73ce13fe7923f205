"""Reminders of an evening, by e-mail and Web Push: who asked for one, and when each is sent."""
