"""`survey add`: from an identifier, a BibTeX file or a form to a new file `papers/<id>.yml`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from survey_tools.errors import LiteratureError
from survey_tools.knowledge.identifiers import EXAMPLES, Identifier, parse_identifier
from survey_tools.knowledge.kinds import PAPER
from survey_tools.knowledge.load import Entries, load_entries
from survey_tools.knowledge.problems import plural
from survey_tools.literature import bibtex
from survey_tools.literature.already_here import PapersHere
from survey_tools.literature.draft import Draft, OwnWords, draft_paper, head_type_id
from survey_tools.literature.form import read_form
from survey_tools.literature.look_up import OTHERWISE, look_up
from survey_tools.literature.metadata import PaperMetadata
from survey_tools.literature.new_file import refuse_packaged, write_new
from survey_tools.literature.web import Web


@dataclass(frozen=True)
class Wanted:
    """The paper to be added and what its contributor says of it. With `bibtex`, a file's text, no network is used."""

    identifier: str | None = None
    bibtex: str | None = None
    bibtex_name: str = "the BibTeX"
    heads: tuple[str, ...] = ()
    entry_id: str | None = None
    unlike: tuple[str, ...] = ()
    """Ids of papers that have nearly the same title and are others."""
    own_words: OwnWords | None = None
    notes: str = ""
    new_types: bool = False
    """Among `heads` may be names of types that no entry describes yet; else such a name is taken for a mistake."""
    offline: bool = False


def wanted_by_form(body: str, offline: bool = False, unlike: tuple[str, ...] = ()) -> Wanted:
    """The same from the body of a GitHub issue. Raises LiteratureError for one that cannot be used."""
    answers = read_form(body)
    return Wanted(
        identifier=answers.identifier or None,
        bibtex=answers.bibtex or None,
        bibtex_name="the form's BibTeX",
        heads=answers.heads,
        unlike=unlike,
        own_words=answers.own_words,
        notes=answers.notes,
        new_types=True,
        offline=offline,
    )


def add_paper(root: Path, wanted: Wanted, web: Web | None = None) -> Draft:
    """Write the draft of a paper into `root`, as a new file.

    Raises:
        AlreadyHere: the survey holds the paper, by an identifier or by nearly the same title.
        LiteratureError, KnowledgeError: what is wanted cannot be read or looked up. Nothing is written then.
        SurveyError: the file cannot be made.
    """
    refuse_packaged(root)
    entries = load_entries(root)
    here = PapersHere(entries.papers.values())
    heads, new_types = _head_types(wanted, entries)
    asked = parse_identifier(wanted.identifier) if wanted.identifier else None
    if asked is not None:
        here.refuse([asked])  # before anyone is asked about it
    metadata, failures = _metadata(asked, wanted, web)
    here.refuse(metadata.identifiers, metadata.title, wanted.unlike, metadata.authors)
    metadata = replace(metadata, unsure=(*metadata.unsure, *new_types))
    remarks = (*failures, *_remarks(entries, wanted))
    draft = draft_paper(
        metadata, entries, heads=heads, entry_id=wanted.entry_id, own_words=wanted.own_words, remarks=remarks
    )
    write_new({root / draft.path: draft.text})
    return draft


def _head_types(wanted: Wanted, entries: Entries) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids of the types that `wanted` names, and a sentence for each that the survey does not know."""
    known: dict[str, None] = {}
    new: dict[str, None] = {}
    for head in wanted.heads:
        try:
            known[head_type_id(head, entries)] = None
        except LiteratureError as error:
            if not wanted.new_types:
                raise
            new[f"head_types: named by the contributor: {error}"] = None
    return tuple(known), tuple(new)


def _metadata(asked: Identifier | None, wanted: Wanted, web: Web | None) -> tuple[PaperMetadata, tuple[str, ...]]:
    if wanted.bibtex is not None:
        return _named(bibtex.one_paper(wanted.bibtex, wanted.bibtex_name), asked), ()
    if asked is None:
        raise LiteratureError(f"name a paper: {EXAMPLES}, or a BibTeX file")
    if wanted.offline:
        raise LiteratureError(f"{asked} cannot be looked up offline; {OTHERWISE}")
    return look_up(asked, web or Web())


def _named(metadata: PaperMetadata, asked: Identifier | None) -> PaperMetadata:
    """BibTeX together with the identifier that was given beside it."""
    if asked is None:
        return metadata
    said = getattr(metadata, asked.scheme)
    if said is not None and said.casefold() != asked.value.casefold():
        raise LiteratureError(f"{asked} was asked for, but the BibTeX is that of {asked.scheme}:{said}; give one")
    fields: dict[str, str] = {asked.scheme: asked.value}
    return replace(metadata, **fields)  # type: ignore[arg-type]  # the schemes are fields of it


def _remarks(entries: Entries, wanted: Wanted) -> Iterator[str]:
    broken = len(entries.broken[PAPER.name])
    if broken:
        yield (
            f"{plural(broken, 'file')} in papers/ cannot be read, so that a double would not have been seen there; "
            f"`survey check` names them"
        )
    if wanted.notes:
        yield f"Note of the contributor: {wanted.notes}"
