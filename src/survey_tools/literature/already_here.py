"""Whether the survey holds a paper already: by any of its identifiers, or by a title that is nearly the same."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from survey_tools.errors import AlreadyHere
from survey_tools.knowledge.identifiers import Identifier, Key, key_of, keys_of_paper
from survey_tools.knowledge.kinds import PAPER
from survey_tools.knowledge.lookup import name_key
from survey_tools.knowledge.records import Paper

NEAR = 0.92
"""Similarity of two titles, without case, spaces and punctuation, from which they count as one paper's."""
NEAR_BY_THE_SAME = 0.75
"""The same where all authors are the same: papers are renamed when they are published."""
_SUBTITLE = re.compile(r"\s*[:?]\s+|\s+[-–—]\s+")


@dataclass(frozen=True)
class Match:
    """The paper of the survey that something is, and why: `the same arXiv id`, `nearly the same title`."""

    paper: Paper
    why: str
    by_title: bool = False


class PapersHere:
    """The papers of the survey, ready to be compared with many others."""

    def __init__(self, papers: Iterable[Paper]) -> None:
        self._papers = tuple(papers)

    def match(
        self,
        identifiers: Iterable[Identifier],
        title: str = "",
        unlike: Collection[str] = (),
        authors: Collection[str] = (),
    ) -> Match | None:
        """The paper with one of `identifiers`, else one with nearly that title whose id is not in `unlike`.

        A title without its subtitle is nearly the title; so is a rather similar one where all `authors` are the same.
        """
        for identifier in identifiers:
            here = self._by_key.get(key_of(identifier))
            if here is not None:
                return Match(here, f"the same {_SCHEME_WORDS[identifier.scheme]} {identifier.value}")
        wanted = name_key(title)
        if not wanted:
            return None
        matcher = difflib.SequenceMatcher(autojunk=False)
        matcher.set_seq2(wanted)
        people, main = _family_names(authors), _main_part(title)
        best: tuple[float, Paper] | None = None
        for known, paper in self._titles:
            if paper.id in unlike:
                continue
            near = NEAR_BY_THE_SAME if len(people) > 1 and people == _family_names(paper.authors) else NEAR
            if known == main or wanted == _main_part(paper.title):
                ratio = near
            else:
                matcher.set_seq1(known)
                if matcher.real_quick_ratio() < near or matcher.quick_ratio() < near:
                    continue
                ratio = matcher.ratio()
            if ratio >= near and (best is None or ratio > best[0]):
                best = ratio, paper
        if best is None:
            return None
        why = "the same title" if best[0] == 1 else f"nearly the same title, '{best[1].title}'"
        if best[0] < NEAR:
            why = f"the same authors and a similar title, '{best[1].title}'"
        return Match(best[1], why, by_title=True)

    def refuse(
        self,
        identifiers: Iterable[Identifier],
        title: str = "",
        unlike: Collection[str] = (),
        authors: Collection[str] = (),
    ) -> None:
        """Raises AlreadyHere, which names the entry, for a paper that is here."""
        found = self.match(identifiers, title, unlike, authors)
        if found is None:
            return
        path = PAPER.path(found.paper.id)
        message = f"this paper is here already: {path} has {found.why}; correct that file instead"
        if found.by_title:
            message += f", or, if it is another paper, add --unlike {found.paper.id}"
        raise AlreadyHere(message, path)

    @cached_property
    def _by_key(self) -> dict[Key, Paper]:
        return {key: paper for paper in reversed(self._papers) for key in keys_of_paper(paper)}

    @cached_property
    def _titles(self) -> list[tuple[str, Paper]]:
        return [(name_key(paper.title), paper) for paper in self._papers]


_SCHEME_WORDS = {"arxiv": "arXiv id", "doi": "DOI", "acl": "ACL Anthology id", "openreview": "OpenReview id"}


def _family_names(authors: Collection[str]) -> frozenset[str]:
    """Last words of names: given names are spelled out in one place and cut in another."""
    return frozenset(name_key(author.split()[-1]) for author in authors if author.split())


@lru_cache(maxsize=65536)
def _main_part(title: str) -> str:
    """The key of a title up to its subtitle; empty where there is none, or nothing but a short name before it."""
    parts = _SUBTITLE.split(title, maxsplit=1)
    return name_key(parts[0]) if len(parts) > 1 and parts[1].strip() and len(parts[0].split()) > 1 else ""
