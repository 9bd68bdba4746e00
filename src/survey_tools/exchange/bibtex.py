"""The survey as one BibTeX file, which `bibtex_in.read_bibtex` reads back equal."""

from __future__ import annotations

from survey_tools.knowledge.bibliography import bibtex
from survey_tools.knowledge.survey import Survey


def bibtex_of(survey: Survey) -> str:
    """Every paper as an entry, sorted by id, which is the key to cite it by."""
    return "\n".join(bibtex(paper) for paper in survey.papers.values())
