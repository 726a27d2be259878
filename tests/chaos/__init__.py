"""Chaos: the server is killed, its connections are cut, and what readers saw is compared."""
