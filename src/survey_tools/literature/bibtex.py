"""A BibTeX entry as a source: needs no network, and says no more than what stands in the file."""

from __future__ import annotations

import re

from survey_tools.errors import LiteratureError
from survey_tools.exchange.bibtex_in import BibtexPaper, read_bibtex
from survey_tools.knowledge.identifiers import Identifier, acl_id_of, identifier_in, parse_identifier
from survey_tools.literature.metadata import (
    LONGEST_TITLE,
    PaperMetadata,
    arxiv_month,
    code_link,
    first_authors,
    plain,
    web_page,
)

SOURCE = "BibTeX"
_REPOSITORY = re.compile(r"(?i)^\s*(arxiv|corr)\b|arxiv preprint|^\s*https?://")
"""What stands where a venue would and is none."""


def one_paper(text: str, name: str) -> PaperMetadata:
    """The paper of a BibTeX file with one entry; `name` is what messages call the file.

    Raises:
        KnowledgeError: it cannot be read.
        LiteratureError: it holds several entries, or its entry has no year.
    """
    papers = read_bibtex(text, name)
    if len(papers) > 1:
        raise LiteratureError(
            f"{name} holds {len(papers)} entries; `survey add` drafts one paper at a time: keep one entry, "
            f"or see what all of them are with `survey import bibtex`"
        )
    return metadata(papers[0], name)


def metadata(entry: BibtexPaper, name: str, source: str = SOURCE) -> PaperMetadata:
    """What an entry says, in the terms of the survey; papers on arXiv are dated by the month in their id.

    Raises:
        LiteratureError: the entry says nothing of when the paper appeared.
    """
    ids = {found.scheme: found.value for found in _identifiers(entry)}
    arxiv, doi = ids.get("arxiv"), ids.get("doi")
    published = arxiv_month(arxiv) if arxiv else entry.published
    if not published:
        raise LiteratureError(f"{name}:{entry.line}: entry '{entry.key}' has no year; add one")
    authors, cut = first_authors([plain(author, 200) for author in entry.authors], source)
    if entry.authors_cut:
        cut = ("authors: the BibTeX ends its list in 'and others'",)
    return PaperMetadata(
        source=source,
        title=plain(entry.title, LONGEST_TITLE),
        authors=authors,
        published=published,
        date_source="arxiv-month" if arxiv else "venue",
        arxiv=arxiv,
        doi=doi,
        acl=ids.get("acl") or (acl_id_of(doi) if doi else None),
        openreview=ids.get("openreview"),
        venue=None if not entry.venue or _REPOSITORY.search(entry.venue) else plain(entry.venue, 300),
        page=None if ids else web_page(entry.url or ""),
        code=code_link(entry.abstract),
        abstract=plain(entry.abstract),
        unsure=cut,
    )


def _identifiers(entry: BibtexPaper) -> list[Identifier]:
    found = [identifier_in(entry.url)] if entry.url else []
    found += [parse_identifier(f"doi:{entry.doi}")] if entry.doi else []
    found += [parse_identifier(f"arxiv:{entry.arxiv}")] if entry.arxiv else []
    return [identifier for identifier in found if identifier]
