"""Signing in through another house's accounts: OpenID Connect, where the operator names a provider."""
