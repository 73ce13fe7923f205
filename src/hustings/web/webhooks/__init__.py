"""Addresses of others that are told what happens in this house, signed by Standard Webhooks.

What is told: `events` (pure). In the transaction of the change: `service.Hooks.tell`. How it
travels: a letter for each receiver (`web.post`), carried by `transport`.
"""
