"""Addresses of others that are told what happens in this house."""
