"""A living survey of attention heads: entries, detectors, run records and a site."""

__version__ = "0.1.0"
