"""Files that a person takes away from a detection: an HTML page, JSON, or a Parquet table of all heads."""

from survey_tools.report.facts import RunFacts
from survey_tools.report.files import require_format, write_report

__all__ = ["RunFacts", "require_format", "write_report"]
