"""Which source is asked about a paper, and which one when the first fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from survey_tools.errors import LiteratureError, PaperUnknown, SourceUnavailable, SourceUnreadable
from survey_tools.knowledge.identifiers import Identifier, acl_doi
from survey_tools.literature import acl, arxiv, crossref, openalex
from survey_tools.literature.metadata import PaperMetadata
from survey_tools.literature.web import Web

OTHERWISE = "`survey add --bibtex FILE` takes the paper's BibTeX and needs no network"

Ask = Callable[[], PaperMetadata]


def look_up(identifier: Identifier, web: Web) -> tuple[PaperMetadata, tuple[str, ...]]:
    """What the first source that can says of a paper, and why those before it could not.

    arXiv papers are asked of arXiv, then OpenAlex; DOIs of Crossref, then OpenAlex; papers of the ACL Anthology
    of the Anthology, then by their DOI.

    Raises:
        PaperUnknown: sources answered, and none knows the paper.
        LiteratureError: none could be asked; one sentence with every reason.
    """
    failures: list[LiteratureError] = []
    for ask in _sources(identifier, web):
        try:
            return _with_its_name(ask(), identifier), tuple(map(str, failures))
        except (SourceUnavailable, SourceUnreadable, PaperUnknown) as error:
            failures.append(error)
    reasons = "; ".join(map(str, failures))
    if failures and all(isinstance(error, PaperUnknown) for error in failures):
        raise PaperUnknown(f"{identifier} was not found: {reasons}; check the id, or: {OTHERWISE}")
    raise LiteratureError(f"{identifier} cannot be looked up: {reasons or 'no source knows such ids'}; {OTHERWISE}")


def _sources(identifier: Identifier, web: Web) -> tuple[Ask, ...]:
    value = identifier.value
    if identifier.scheme == "arxiv":
        return (lambda: arxiv.paper(web, value), lambda: openalex.paper(web, identifier))
    if identifier.scheme == "doi":
        return (lambda: crossref.paper(web, value), lambda: openalex.paper(web, identifier))
    if identifier.scheme == "acl":
        doi = Identifier("doi", acl_doi(value))
        return (
            lambda: acl.paper(web, value),
            lambda: crossref.paper(web, doi.value),
            lambda: openalex.paper(web, doi),
        )
    return ()  # OpenReview answers machines only after a login


def _with_its_name(found: PaperMetadata, asked: Identifier) -> PaperMetadata:
    """The identifier that was asked for counts, whatever else the answer says."""
    if asked.scheme == "arxiv":
        return replace(found, arxiv=asked.value)
    if asked.scheme == "doi":
        return replace(found, doi=asked.value)
    return replace(found, acl=asked.value)
