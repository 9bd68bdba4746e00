"""What the survey is called, who made it and under which terms: said once for feeds, JSON-LD and Croissant."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from survey_tools.errors import KnowledgeError
from survey_tools.knowledge.survey import Survey
from survey_tools.results.records import RunRecord

NAME = "A living survey of attention heads"
DESCRIPTION = (
    "Papers, head types and circuits of attention heads in transformer models, the concrete heads that papers name, "
    "and per-head scores of runs on open models that anyone can repeat."
)
CREATOR = "The maintainers of the attention head survey"
LICENCE = "https://creativecommons.org/licenses/by/4.0/"
"""Of entries and tables; the code has its own."""
RELEASE = version("attention-head-survey")
KEYWORDS = ("attention heads", "mechanistic interpretability", "transformers", "large language models")


def base_url(site_url: str) -> str:
    """The site's address with the slash that relative addresses need; empty where none is known.

    Raises:
        KnowledgeError: it is no web address.
    """
    if site_url and not site_url.startswith(("https://", "http://")):
        raise KnowledgeError(f"the address of the site must start with https://, found {site_url!r}")
    return f"{site_url.rstrip('/')}/" if site_url else ""


def full_date(when: str) -> str:
    """`2024` or `2024-11` as the first day of that year or month: formats that know only whole dates ask for one."""
    return "-".join([*when.split("-"), "01", "01"][:3])


def newest_date(survey: Survey) -> str:
    """The date of the newest paper: what stands for today in files that must not depend on the day they are made."""
    return max((full_date(paper.published) for paper in survey.papers.values()), default="1970-01-01")


def newest_day(survey: Survey, records: Iterable[RunRecord]) -> str:
    """The day of the newest run record, where a record says its day; else the date of the newest paper."""
    days = (record.environment.finished for record in records)
    return max((day for day in days if day), default=newest_date(survey))


def json_text(data: Any) -> str:
    """`data` as the text of a file."""
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
