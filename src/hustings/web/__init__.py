"""Accounts, calendar and desk: one package per noun."""
