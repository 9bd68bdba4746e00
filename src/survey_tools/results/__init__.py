"""Run records: what one run measured, as small JSON files that anything can read."""
