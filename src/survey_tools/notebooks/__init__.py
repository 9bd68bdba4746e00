"""Notebooks: what is stale, how it is executed, and how its measurements become run records."""
