"""Accounts: who hosts, checks or moderates here, and how they prove it. Listening needs none."""
