"""An outside list against the survey: what is missing here, what differs, what the list lacks.

A change is what the list says and the entry does not; where the list is silent there is none. Case, spaces,
punctuation and the spelling of addresses never make one. An entry that departs from an earlier list on purpose says
so under `corrections`, and the change carries that reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from survey_tools.exchange.addresses import places_of, same_place
from survey_tools.exchange.awesome_in import read_awesome
from survey_tools.exchange.bibtex_in import read_bibtex
from survey_tools.exchange.listed import Listed, Listing, listed_bibtex, text_key
from survey_tools.knowledge.lookup import closest, name_key
from survey_tools.knowledge.records import Paper
from survey_tools.knowledge.survey import Survey

NEAR = 0.75
"""Share of words that two titles have in common from which one is named as perhaps meant."""
AWESOME = "awesome-attention-heads"
_CORRECTED = {
    "title": {"title"},
    "date": {"date", "published"},
    "authors": {"authors"},
    "venue": {"venue"},
    "link": {"arxiv_id", "venue_url", "other_urls", "links", "ids"},
    "code": {"code_url", "links"},
    "tags": {"head_tags", "head_types"},
}
"""The names under which an entry's corrections speak of a field."""


@dataclass(frozen=True)
class Change:
    """A field of a paper in which the list says something else. `why`: the entry's own reason to depart from it."""

    paper: str
    line: int
    field: str
    ours: str
    theirs: str
    why: str | None = None


@dataclass(frozen=True)
class MissingHere:
    """A paper of the list without an entry; `near` is the entry whose title is most like it."""

    listed: Listed
    near: str | None = None


@dataclass(frozen=True)
class UnknownTag:
    """A head type of the list that no name or alias here spells."""

    tag: str
    lines: tuple[int, ...]
    hint: str


@dataclass(frozen=True)
class Comparison:
    """What a list and the survey say of each other."""

    listing: Listing
    missing_here: tuple[MissingHere, ...]
    changed: tuple[Change, ...]
    missing_there: tuple[str, ...]
    """Ids of entries that the list should hold and does not."""
    unknown_tags: tuple[UnknownTag, ...]
    repeated: tuple[tuple[str, tuple[int, ...]], ...]
    """Entries that several rows mean, with their lines."""


def compare_bibtex(text: str, survey: Survey, name: str = "the BibTeX text") -> Comparison:
    """A BibTeX file against all entries. Raises KnowledgeError as `read_bibtex` does."""
    listing = Listing(name, tuple(listed_bibtex(entry) for entry in read_bibtex(text, name)))
    return compare(listing, survey, survey.papers)


def compare_awesome(text: str, survey: Survey, name: str = "the list") -> Comparison:
    """The reading list's README against the entries said to be listed there. Raises as `read_awesome` does."""
    expected = (paper.id for paper in survey.papers.values() if AWESOME in paper.listed_in)
    return compare(read_awesome(text, name), survey, expected)


def compare(listing: Listing, survey: Survey, expected: Iterable[str]) -> Comparison:
    """`listing` against the survey; `expected` are the entries it should hold."""
    index, tags = _Papers(survey), _Tags(survey)
    missing: list[MissingHere] = []
    changed: list[Change] = []
    lines: dict[str, list[int]] = {}
    for listed in listing.papers:
        paper = index.find(listed)
        if paper is None:
            missing.append(MissingHere(listed, index.near(listed.title)))
            continue
        changed += _explained(_changes(listed, paper, tags), paper)
        lines.setdefault(paper.id, []).append(listed.line)
    return Comparison(
        listing,
        tuple(missing),
        tuple(changed),
        tuple(sorted(set(expected) - lines.keys())),
        tags.unknown(listing.papers),
        tuple((paper, tuple(where)) for paper, where in lines.items() if len(where) > 1),
    )


class _Papers:
    """Finds the entry of a listed paper: by where it can be read, else by its title."""

    def __init__(self, survey: Survey) -> None:
        papers = list(survey.papers.values())
        self._by_place = {place: paper for paper in papers for place in places_of(paper)}
        self._by_title = {text_key(paper.title): paper for paper in papers}
        self._words = [(frozenset(paper.title.casefold().split()), paper.id) for paper in papers]

    def find(self, listed: Listed) -> Paper | None:
        places = (self._by_place.get(same_place(link)) for link in listed.links)
        return next((paper for paper in places if paper), None) or self._by_title.get(text_key(listed.title))

    def near(self, title: str) -> str | None:
        words = frozenset(title.casefold().split())
        common = ((len(words & known) / len(words | known), paper) for known, paper in self._words)
        share, paper = max(common, default=(0.0, ""))
        return paper if share >= NEAR else None


class _Tags:
    """Head types by every spelling of their names."""

    def __init__(self, survey: Survey) -> None:
        spelled = [(s, h.id) for h in survey.head_types.values() for s in (h.id, h.name, *h.aliases)]
        self._ids = {name_key(spelling): head_type for spelling, head_type in reversed(spelled)}
        self._by_stem = {_stem(spelling): spelling for spelling, _ in spelled}

    def id_of(self, tag: str) -> str | None:
        return self._ids.get(name_key(tag))

    def unknown(self, papers: Iterable[Listed]) -> tuple[UnknownTag, ...]:
        lines: dict[str, list[int]] = {}
        for listed in papers:
            for tag in listed.tags:
                if self.id_of(tag) is None:
                    lines.setdefault(tag, []).append(listed.line)
        return tuple(UnknownTag(tag, tuple(at), self._hint(tag)) for tag, at in lines.items())

    def _hint(self, tag: str) -> str:
        near = closest(_stem(tag), self._by_stem)
        return f"did you mean '{self._by_stem[near]}'?" if near else ""


def _stem(name: str) -> str:
    """Without the word that all names share, and that would make all of them alike."""
    return re.sub(r"[\s_-]*heads?$", "", name.casefold())


def _changes(listed: Listed, paper: Paper, tags: _Tags) -> Iterator[Change]:
    def change(field: str, ours: str | None, theirs: str) -> Change:
        return Change(paper.id, listed.line, field, ours or "", theirs)

    if text_key(listed.title) != text_key(paper.title):
        yield change("title", paper.title, listed.title)
    if not paper.published.startswith(listed.published):
        yield change("date", paper.published, listed.published)
    if not _same_people(listed, paper):
        yield change("authors", ", ".join(paper.authors), ", ".join(listed.authors))
    if listed.venue and text_key(listed.venue) != text_key(paper.venue or ""):
        yield change("venue", paper.venue, listed.venue)
    links = paper.links
    here = places_of(paper) | {same_place(link) for link in links.other}
    known = here | {same_place(link) for _, link in links if isinstance(link, str)}
    for field, theirs, ours in (
        ("link", listed.links, links.paper or ", ".join(sorted(here))),
        ("code", listed.code, links.code),
        ("other link", listed.other_links, ", ".join(links.other)),
    ):
        for link in theirs:
            if same_place(link) not in known:
                yield change(field, ours, link)
    ours_types = [use.id for use in paper.head_types]
    lacking = dict.fromkeys(head for tag in listed.tags if (head := tags.id_of(tag)) and head not in ours_types)
    if lacking:
        yield change("tags", ", ".join(ours_types), ", ".join(lacking))


def _same_people(listed: Listed, paper: Paper) -> bool:
    """Equal, or as far as a list goes that ends in "and others"."""
    theirs = [text_key(author) for author in listed.authors]
    ours = [text_key(author) for author in paper.authors]
    return not theirs or theirs == (ours[: len(theirs)] if listed.authors_cut else ours)


def _explained(changes: Iterable[Change], paper: Paper) -> Iterator[Change]:
    """Each change with the correction of the entry that names what the list says."""
    for change in changes:
        names, said = _CORRECTED.get(change.field, set()), text_key(change.theirs)
        reasons = (c.why for c in paper.corrections if c.field in names and text_key(c.listed) == said)
        yield replace(change, why=next(reasons, None))
