"""Guests of an evening: whom hosts name, and what each of them agrees to by their own link."""
