"""Entries: YAML files read into frozen, validated records. Never imports torch."""
