"""Rooms as people plan them: the calendar, the form, the invitations."""
