"""Drafts of the papers that an outside list holds and the survey lacks (`survey import ... --write`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from survey_tools.errors import LiteratureError
from survey_tools.exchange.listed import Listed
from survey_tools.knowledge.identifiers import identifier_in
from survey_tools.knowledge.kinds import PAPER
from survey_tools.knowledge.load import Entries
from survey_tools.literature import bibtex
from survey_tools.literature.draft import Draft, draft_paper, head_type_id
from survey_tools.literature.head_names import HeadNames
from survey_tools.literature.metadata import LONGEST_TITLE, PaperMetadata, plain
from survey_tools.literature.new_file import write_new


@dataclass(frozen=True)
class ListedDrafts:
    """Drafts to be written, and the papers of which none could be made: their lines, and why."""

    drafts: tuple[Draft, ...]
    refused: tuple[tuple[int, str], ...]


def draft_listed(papers: Iterable[Listed], entries: Entries, name: str) -> ListedDrafts:
    """A draft for each of `papers`, which a list called `name` holds; no two get the same id. Nothing is written."""
    names = HeadNames(entries.head_types.values())
    known = dict(entries.records[PAPER.name])
    entries = replace(entries, records={**entries.records, PAPER.name: known})
    drafts: list[Draft] = []
    refused: list[tuple[int, str]] = []
    for listed in papers:
        try:
            said = bibtex.metadata(listed.entry, name) if listed.entry else _metadata(listed, name)
            heads = [tag for tag in listed.tags if _is_known(tag, entries)]
            draft = draft_paper(said, entries, names, heads=heads)
        except LiteratureError as error:
            refused.append((listed.line, str(error)))
        else:
            known[draft.paper.id] = draft.paper
            drafts.append(draft)
    return ListedDrafts(tuple(drafts), tuple(refused))


def write_drafts(drafts: Iterable[Draft], folder: Path) -> list[Path]:
    """Write each draft as `<folder>/<id>.yml`, all or none; the paths.

    Raises:
        SurveyError: one of the files exists, or the folder cannot be written to.
    """
    files = {folder / f"{draft.paper.id}.yml": draft.text for draft in drafts}
    write_new(files)
    return list(files)


def _metadata(listed: Listed, name: str) -> PaperMetadata:
    found = [identifier for link in listed.links if (identifier := identifier_in(link))]
    ids = {identifier.scheme: identifier.value for identifier in found}
    return PaperMetadata(
        source=name,
        title=plain(listed.title, LONGEST_TITLE),
        authors=(),
        published=listed.published,
        date_source="readme",
        arxiv=ids.get("arxiv"),
        doi=ids.get("doi"),
        acl=ids.get("acl"),
        openreview=ids.get("openreview"),
        page=None if ids else next(iter(listed.links), None),
        code=next(iter(listed.code), None),
    )


def _is_known(tag: str, entries: Entries) -> bool:
    try:
        head_type_id(tag, entries)
    except LiteratureError:
        return False
    return True
