"""Breaker, retry and deadline over any async generator: they know neither HTTP nor models."""
