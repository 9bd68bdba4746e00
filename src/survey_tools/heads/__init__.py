"""Attention heads of open models: reading, intervening, scoring, deciding. Knows no YAML and no site."""
