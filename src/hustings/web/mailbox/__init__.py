"""E-mail addresses of accounts, and the links that are sent there: to sign in, to prove an address."""
