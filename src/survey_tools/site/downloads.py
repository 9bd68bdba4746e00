"""The survey in the forms other programs read, as files of the site: all of them made by `survey_tools.exchange`."""

from __future__ import annotations

from survey_tools.exchange import atom, croissant
from survey_tools.exchange.bibtex import bibtex_of
from survey_tools.exchange.csl import csl_of
from survey_tools.exchange.dataset import json_text, newest_day
from survey_tools.exchange.plain import jsonl_of
from survey_tools.exchange.tables import csv_text, head_scores, published_heads
from survey_tools.site.contents import Contents

FEED = atom.FILE
DOWNLOADS = {
    "survey.bib": "BibTeX",
    "survey.csl.json": "CSL-JSON",
    "survey.jsonl": "JSON Lines",
    "survey.json": "JSON",
    FEED: "Atom feed",
}
"""Path in the site -> what a reader calls the file; `exports.py` makes survey.json, which holds verdicts too."""
TABLES = "data"
"""Folder of the tables that the Croissant metadata describes."""


def download_files(contents: Contents) -> dict[str, str]:
    """The files by their path; Croissant only where the site's address is known, since it must name addresses."""
    survey = contents.survey
    tables = (published_heads(survey), head_scores(contents.records))
    files = {
        "survey.bib": bibtex_of(survey),
        "survey.csl.json": csl_of(survey),
        "survey.jsonl": jsonl_of(survey),
        FEED: atom.atom(survey, contents.site_url),
        **{f"{TABLES}/{table.id}.csv": csv_text(table) for table in tables},
    }
    if contents.site_url:
        files[croissant.FILE] = json_text(
            croissant.croissant(tables, contents.site_url, newest_day(survey, contents.records), folder=TABLES)
        )
    return files
