"""What the literature brought since a day: papers on attention heads that are not here, each as a draft.

Two sources are asked for attention heads and for every name that means a type of them in any text; what both know, or
the survey holds, is dropped. The rest is ranked by how many head types its title and abstract name, and by whether the
title has heads in it. Drafts go into a folder of their own, never among the entries: a person decides which of them
become one.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from survey_tools.errors import LiteratureError, SourceUnavailable, SourceUnreadable
from survey_tools.knowledge.identifiers import key_of
from survey_tools.knowledge.load import load_entries
from survey_tools.knowledge.lookup import name_key
from survey_tools.literature import arxiv, openalex
from survey_tools.literature.already_here import PapersHere
from survey_tools.literature.draft import Draft, draft_paper
from survey_tools.literature.head_names import HeadNames, is_on_heads, names_heads
from survey_tools.literature.metadata import Found, PaperMetadata
from survey_tools.literature.web import Web

USUAL_DAYS = 14
"""How far back a watch looks: a weekly one sees each day twice, so that a week without network loses nothing."""
USUAL_LIMIT = 20
PHRASES_A_QUESTION = 35
"""Addresses have a length: OpenAlex takes 4 KB, which is some seventy phrases."""

WELL_KNOWN = 10
"""Papers of the survey on one type from which its name says enough by itself, as `induction heads` does."""
_IN_THE_TITLE = 2
"""What heads in the title count, in head types that are named."""

Search: TypeAlias = Callable[[Web, Sequence[str], datetime.date], Found]
Say: TypeAlias = Callable[[str], None]
SOURCES: tuple[tuple[str, Search], ...] = ((arxiv.SOURCE, arxiv.search), (openalex.SOURCE, openalex.search))


@dataclass(frozen=True)
class Sighting:
    """A new paper and its draft. `why` is what was found in its title and abstract."""

    draft: Draft
    why: str
    rank: int


@dataclass(frozen=True)
class Watched:
    """What a watch saw: the papers, best first; how many more there were; what sources left out, and why."""

    since: datetime.date
    sightings: tuple[Sighting, ...]
    beyond: tuple[PaperMetadata, ...]
    """Found as well, past the limit: no draft was made."""
    known: int
    """Found and here already."""
    failures: tuple[str, ...]


def watch(
    root: Path,
    since: datetime.date,
    limit: int = USUAL_LIMIT,
    web: Web | None = None,
    say: Say = lambda _: None,
) -> Watched:
    """Ask for new papers; nothing is written. `say` is told which question is being asked.

    Raises:
        LiteratureError: no source could be asked at all.
    """
    entries = load_entries(root)
    papers_on = Counter(use.id for paper in entries.papers.values() for use in paper.head_types)
    names = HeadNames(entries.head_types.values(), [head for head, count in papers_on.items() if count >= WELL_KNOWN])
    found, failures = _ask(names.search_phrases(), since, web or Web(), say)
    here = PapersHere(entries.papers.values())
    new: list[tuple[int, str, PaperMetadata]] = []
    known = 0
    for metadata in _distinct(found):
        if here.match(metadata.identifiers, metadata.title):
            known += 1
        elif rank_and_why := _worth(metadata, names):
            new.append((*rank_and_why, metadata))
    new.sort(key=lambda item: (-item[0], _newest_first(item[2].published), item[2].title))
    sightings: list[Sighting] = []
    for rank, why, metadata in new[:limit]:
        try:
            draft = draft_paper(metadata, entries, names, taken=[sighting.draft.paper.id for sighting in sightings])
        except LiteratureError as error:  # one odd record in a source is no reason to lose the others
            failures += (f"'{metadata.title}' was found and cannot be drafted: {error}",)
        else:
            sightings.append(Sighting(draft, why, rank))
    beyond = tuple(metadata for _, _, metadata in new[limit:])
    return Watched(since, tuple(sightings), beyond, known, failures)


def _ask(
    phrases: Sequence[str], since: datetime.date, web: Web, say: Say
) -> tuple[list[PaperMetadata], tuple[str, ...]]:
    """All answers, and a sentence for each source that could not be asked, or did not tell all."""
    questions = [phrases[i : i + PHRASES_A_QUESTION] for i in range(0, len(phrases), PHRASES_A_QUESTION)]
    found: list[PaperMetadata] = []
    failures = []
    unasked = 0
    for source, search in SOURCES:
        answered = cut = 0
        try:
            for question in questions:
                say(f"asking {source}: {answered + 1} of {len(questions)}")
                answer = search(web, question, since)
                found += answer.papers
                answered += 1
                cut += not answer.complete
        except (SourceUnavailable, SourceUnreadable) as error:
            failures.append(f"{error}; {answered} of {len(questions)} questions to {source} were answered")
            unasked += answered == 0
        if cut:
            failures.append(f"{source} gave only the newest papers to {cut} of {len(questions)} questions")
    if unasked == len(SOURCES):
        raise LiteratureError(f"the literature cannot be watched: {'; '.join(failures)}. Nothing was written.")
    return found, tuple(failures)


def _distinct(found: Sequence[PaperMetadata]) -> list[PaperMetadata]:
    """Each paper once, as the source listed first tells of it."""
    kept: list[PaperMetadata] = []
    seen: set[object] = set()
    for metadata in found:
        marks = {name_key(metadata.title), *map(key_of, metadata.identifiers)}
        if not marks & seen:
            kept.append(metadata)
        seen |= marks
    return kept


def _worth(metadata: PaperMetadata, names: HeadNames) -> tuple[int, str] | None:
    """The rank of a paper and why it was found; None for one that is not about attention heads."""
    text = f"{metadata.title}. {metadata.abstract}"
    proposals = names.find(text)
    general = names_heads(text)
    if not general and not any(map(names.says_enough, proposals)):
        return None
    words = [f"'{proposal.words}'" for proposal in proposals] + (["'attention head'"] if general else [])
    rank = len(proposals) + (_IN_THE_TITLE if is_on_heads(metadata.title) else 0)
    return rank, f"title and abstract name {', '.join(words)}"


def _newest_first(published: str) -> tuple[int, ...]:
    return tuple(-int(part) for part in published.split("-"))
