"""What an outside list says of a paper: the common form of BibTeX entries and rows of a reading list."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from survey_tools.exchange.bibtex_in import BibtexPaper

_NO_VENUE = re.compile(r"(?i)\barxiv\b|\bcorr\b|^https?:")
"""What BibTeX entries give as a venue for a paper that has none."""


@dataclass(frozen=True)
class Listed:
    """One paper of a list. Where the list is silent a field is empty, and nothing is compared."""

    line: int
    title: str
    published: str = ""
    """YYYY, YYYY-MM or YYYY-MM-DD."""
    authors: tuple[str, ...] = ()
    authors_cut: bool = False
    """The list of authors ends in "and others"."""
    venue: str = ""
    links: tuple[str, ...] = ()
    """Where the paper can be read."""
    code: tuple[str, ...] = ()
    other_links: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """Head types as the list names them."""
    entry: BibtexPaper | None = None
    """The BibTeX entry that it was."""


@dataclass(frozen=True)
class Listing:
    """A list, called `name` in messages. `unread` are the rows that look like a paper's and could not be read."""

    name: str
    papers: tuple[Listed, ...]
    unread: tuple[tuple[int, str], ...] = field(default=())


def text_key(text: str) -> str:
    """What spellings of one text share: case, spaces, punctuation and typographic signs do not count."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def listed_bibtex(entry: BibtexPaper) -> Listed:
    """A BibTeX entry as a listed paper."""
    arxiv = [f"https://arxiv.org/abs/{entry.arxiv}"] if entry.arxiv else []
    doi = [f"https://doi.org/{entry.doi}"] if entry.doi else []
    url = [entry.url] if entry.url else []
    return Listed(
        line=entry.line,
        title=entry.title,
        published=entry.published,
        authors=entry.authors,
        authors_cut=entry.authors_cut,
        venue="" if _NO_VENUE.search(entry.venue) else entry.venue,
        links=(*arxiv, *doi, *url),
        entry=entry,
    )
