"""Which web addresses lead to the same thing: `arxiv.org/pdf/2211.00593v2.pdf` is `arxiv:2211.00593`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from survey_tools.knowledge.bibliography import PAGES
from survey_tools.knowledge.identifiers import identifier_in, key_of
from survey_tools.knowledge.records import Paper, PaperIds

_KNOWN = tuple(
    (scheme, re.compile(pattern))
    for scheme, pattern in (
        ("doi", r"dl\.acm\.org/doi/(?:abs/|pdf/|full/)?(10\.\d{4,9}/.+)"),
        ("acl", r"(?:aclanthology\.org|aclweb\.org/anthology)/(?:papers/)?([a-z0-9.-]+?)(?:\.pdf|\.bib)?"),
    )
)
"""Pages that lead to an identifier and are none of those a paper is added by."""
_OPENREVIEW = re.compile(r"[?&]id=([\w-]+)")


def host_of(address: str) -> str:
    """The host of a web address; empty for what is none."""
    try:
        parts = urlsplit(address)
    except ValueError:  # http://[example.org
        return ""
    return parts.hostname or "" if parts.scheme in ("http", "https") else ""


def same_place(address: str) -> str:
    """What all addresses of one thing share: `arxiv:`, `doi:`, `acl:`, `openreview:` with an id, or host and path."""
    if named := identifier_in(address.strip()):
        return ":".join(key_of(named))
    try:
        parts = urlsplit(unquote(address.strip()))
    except ValueError:  # no address at all, such as http://[example.org
        return address.strip()
    host = (parts.hostname or "").removeprefix("www.")
    path = parts.path.rstrip("/")
    plain = f"{host}{path}".casefold()
    for scheme, pattern in _KNOWN:
        if found := pattern.fullmatch(plain):
            return f"{scheme}:{found[1]}"
    if host == "openreview.net" and (found := _OPENREVIEW.search(f"?{parts.query}")):
        return f"openreview:{found[1]}"  # the one id in which capitals matter
    if host == "github.com":
        return plain.removesuffix(".git")
    # Elsewhere a page may be told from another by its query alone, and its path by its capitals.
    return f"{host}{path}?{parts.query}" if parts.query else f"{host}{path}"


def places_of_ids(ids: PaperIds) -> Iterator[str]:
    """The same for identifiers."""
    for scheme, value in ids:
        if value is not None:
            yield same_place(PAGES[scheme].format(value))


def places_of(paper: Paper) -> set[str]:
    """Every place where a paper can be read, by its identifiers and its own link."""
    own = {same_place(paper.links.paper)} if paper.links.paper else set()
    return own | set(places_of_ids(paper.ids))
