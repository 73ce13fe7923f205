"""Connections: HTTP/1.1, the PROXY protocol, accepting, deadlines, the operator's lane."""
