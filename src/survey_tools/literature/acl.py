"""The ACL Anthology: one paper by its id, from the BibTeX that stands beside every paper."""

from __future__ import annotations

from dataclasses import replace

from survey_tools.errors import KnowledgeError, LiteratureError, SourceUnreadable
from survey_tools.exchange.bibtex_in import read_bibtex
from survey_tools.literature import bibtex
from survey_tools.literature.metadata import PaperMetadata
from survey_tools.literature.web import Web, base_address

SOURCE = "the ACL Anthology"
_ADDRESS = ("SURVEY_ACL_URL", "https://aclanthology.org")


def paper(web: Web, acl_id: str) -> PaperMetadata:
    """What the Anthology says of one paper.

    Raises:
        PaperUnknown: there is no such id.
        SourceUnavailable, SourceUnreadable: see `Web.get`, or the BibTeX is broken.
    """
    name = f"{acl_id}.bib"
    body = web.get(SOURCE, f"{base_address(*_ADDRESS)}/{name}")
    try:
        found = bibtex.metadata(read_bibtex(body.decode("utf-8"), name)[0], name, SOURCE)
    except (UnicodeDecodeError, KnowledgeError, LiteratureError) as error:
        raise SourceUnreadable(f"the ACL Anthology's BibTeX of {acl_id} cannot be read: {error}") from None
    return replace(found, acl=acl_id, page=None)
