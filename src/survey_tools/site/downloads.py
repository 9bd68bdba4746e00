"""The survey in the forms other programs read, as files of the site: made by `survey_tools.exchange`."""

from __future__ import annotations

DOWNLOADS: dict[str, str] = {}
"""Path in the site -> what a reader calls the file."""
