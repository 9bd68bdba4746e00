"""A draft of a paper's entry: complete and without a problem, and open about what nobody has looked at yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from survey_tools.errors import LiteratureError
from survey_tools.knowledge.kinds import HEAD_TYPE, PAPER
from survey_tools.knowledge.load import Entries
from survey_tools.knowledge.lookup import did_you_mean, name_key
from survey_tools.knowledge.problems import shown
from survey_tools.knowledge.records import (
    HeadTypeUse,
    Paper,
    PaperIds,
    PaperLinks,
    Plan,
    Planned,
    Summary,
)
from survey_tools.knowledge.writer import record_text
from survey_tools.literature.head_names import HeadNames, Proposal
from survey_tools.literature.metadata import PaperMetadata
from survey_tools.literature.paper_id import paper_id

REPRODUCTION = Planned(
    planned=Plan(
        how="To be replaced. Nobody has looked yet at which claim of this paper a run could test.",
        needs="To be replaced together with the line above.",
    )
)
UNSEEN = "kind, relevance, reproduction: as every draft begins; to be set by who reads the paper"
PROPOSED = "head_types: proposed by name from title and abstract; to be confirmed by who reads the paper"
VENUE_DATE = "published: the date of the venue; whether an earlier version was public is not known"


@dataclass(frozen=True)
class OwnWords:
    """What a contributor wrote of a paper: the summary, and what was read for it."""

    summary: Summary
    source: str


@dataclass(frozen=True)
class Draft:
    """An entry to be, with what its author should see beside it."""

    paper: Paper
    metadata: PaperMetadata
    proposals: tuple[Proposal, ...]
    """Head types that title and abstract seem to name."""
    remarks: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where the file belongs, relative to the root."""
        return PAPER.path(self.paper.id)

    @property
    def text(self) -> str:
        """The file."""
        return record_text(self.paper, PAPER)


def draft_paper(
    metadata: PaperMetadata,
    entries: Entries,
    names: HeadNames | None = None,
    *,
    heads: Sequence[str] = (),
    entry_id: str | None = None,
    taken: Collection[str] = (),
    own_words: OwnWords | None = None,
    remarks: Sequence[str] = (),
) -> Draft:
    """The draft of a paper that is not here yet; nothing is written.

    Its head types are `heads` (ids or names), or where none are given those that title and abstract name.
    `names` spares building the same search again for many papers, `taken` are ids that other drafts have.

    Raises:
        LiteratureError: a head type is unknown, the id is taken, or what the source says cannot stand in an entry.
    """
    proposals = (names or HeadNames(entries.head_types.values())).find(f"{metadata.title}. {metadata.abstract}")
    chosen = [HeadTypeUse(id=head_type_id(head, entries), role="studies") for head in heads]
    uses = {use.id: use for use in chosen} or {proposal.id: proposal.use for proposal in proposals}
    ids = entries.known_ids(PAPER) | set(taken)
    if entry_id is not None and entry_id in ids:
        raise LiteratureError(f"the id {entry_id} is taken: {PAPER.path(entry_id)}; give another --id, or none")
    missing = [*metadata.unsure, *([] if own_words else ["summary"])]
    missing += [] if metadata.authors else ["authors"]
    missing += [VENUE_DATE] if metadata.date_source == "venue" else []
    missing += [PROPOSED] if proposals and not chosen else []
    try:
        paper = Paper(
            schema_version=1,
            id=entry_id or paper_id(metadata.authors, metadata.published, metadata.title, ids),
            title=metadata.title,
            authors=metadata.authors,
            published=metadata.published,
            date_source=metadata.date_source,
            venue=metadata.venue,
            ids=PaperIds(arxiv=metadata.arxiv, doi=metadata.doi, acl=metadata.acl, openreview=metadata.openreview),
            links=PaperLinks(paper=metadata.page, code=metadata.code),
            kind="llm-analysis",
            relevance="core",
            summary=own_words.summary if own_words else None,
            summary_source=own_words.source if own_words else None,
            head_types=tuple(uses.values()),
            reproduction=REPRODUCTION,
            missing=(*missing, UNSEEN),
        )
    except ValidationError as error:
        reasons = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors(include_url=False))
        raise LiteratureError(f"{metadata.source} says what no entry can hold: {reasons}") from None
    return Draft(paper, metadata, proposals, tuple(remarks))


def head_type_id(name: str, entries: Entries) -> str:
    """The id of the head type that `name` means: its id, name or an alias.

    Raises:
        LiteratureError: none is called so; with what was probably meant.
    """
    known = entries.known_ids(HEAD_TYPE) | set(entries.framework.awaited if entries.framework else ())
    spelled = {name_key(alias): h.id for h in entries.head_types.values() for alias in h.aliases}
    spelled |= {name_key(h.name): h.id for h in entries.head_types.values()}
    spelled |= {name_key(known_id): known_id for known_id in known}
    found = spelled.get(name_key(name))
    if found is None:
        hint = did_you_mean(name, known) or "`survey new-head` drafts a new one"
        raise LiteratureError(f"no head type is called {shown(name)}; {hint}")
    return found
