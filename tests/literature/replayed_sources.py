"""A server on 127.0.0.1 that stands in for arXiv, Crossref, OpenAlex and the ACL Anthology.

Answers have the form of the real ones; the papers in them are invented.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

VARIABLES = {
    "SURVEY_ARXIV_URL": "/arxiv",
    "SURVEY_CROSSREF_URL": "/crossref",
    "SURVEY_OPENALEX_URL": "/openalex",
    "SURVEY_ACL_URL": "/acl",
}
ABSTRACT = (
    "We study echo heads, a kind of attention head. Induction and previous-token heads feed them. "
    "Code: https://github.com/example/echo-heads."
)


@dataclass
class Asked:
    """One request as it came."""

    path: str
    query: dict[str, str]
    agent: str


@dataclass
class Sources:
    """What is answered to which path, and what was asked. Several answers to one path come one after the other."""

    answers: dict[str, list[tuple[int, str, dict[str, str]]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def answer(self, path: str, body: object, status: int = 200, **headers: str) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault(path, []).append((status, text, named))

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]


@contextmanager
def replaying() -> Iterator[tuple[Sources, str]]:
    """The server and its address; it stops with the block."""
    sources = Sources()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            path = unquote(parts.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            sources.asked.append(Asked(path, query, self.headers.get("User-Agent", "")))
            queue = sources.answers.get(path, [])
            status, text, headers = (
                (404, "nothing here", {}) if not queue else queue.pop(0) if len(queue) > 1 else queue[0]
            )
            body = text.encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield sources, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def atom(*entries: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom"'
        ' xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">\n'
        "  <title>arXiv Query</title>\n"
        f"  <opensearch:totalResults>{len(entries)}</opensearch:totalResults>\n" + "".join(entries) + "</feed>\n"
    )


def atom_entry(
    arxiv_id: str = "2611.01234v2",
    title: str = "Echo Heads: Attention Heads\n  That Repeat",
    authors: tuple[str, ...] = ("Ana Pérez-Ruiz", "Bo Li"),
    published: str = "2026-11-02",
    abstract: str = ABSTRACT,
    more: str = "",
) -> str:
    people = "".join(f"<author><name>{escape(name)}</name></author>" for name in authors)
    return (
        f"<entry><id>http://arxiv.org/abs/{arxiv_id}</id><updated>2026-11-09T10:00:00Z</updated>"
        f"<published>{published}T17:59:58Z</published><title>{escape(title)}</title>"
        f"<summary>  {escape(abstract)}\n</summary>{people}{more}"
        '<arxiv:primary_category term="cs.CL"/></entry>\n'
    )


def crossref_work(doi: str = "10.1234/echo.5", **changes: object) -> dict[str, object]:
    message = {
        "DOI": doi,
        "title": ["Echo Heads &amp; <i>Their</i> Kin"],
        "author": [
            {"given": "Ana", "family": "Pérez-Ruiz", "sequence": "first"},
            {"name": "The Echo Group", "sequence": "additional"},
        ],
        "issued": {"date-parts": [[2026, 3]]},
        "container-title": ["Journal of Heads"],
        "abstract": "<jats:p>On echo heads and induction heads.</jats:p>",
        "type": "journal-article",
    }
    return {"status": "ok", "message-type": "work", "message": {**message, **changes}}


def openalex_work(title: str = "Echo Heads: Attention Heads That Repeat", **changes: object) -> dict[str, object]:
    words = ABSTRACT.split()
    index: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        index.setdefault(word, []).append(place)
    work = {
        "id": "https://openalex.org/W1",
        "doi": "https://doi.org/10.48550/arxiv.2611.01234",
        "title": title,
        "publication_date": "2026-11-05",
        "authorships": [{"author": {"display_name": "Ana Pérez-Ruiz"}}, {"author": {"display_name": "Bo Li"}}],
        "primary_location": {
            "landing_page_url": "http://arxiv.org/abs/2611.01234",
            "source": {"display_name": "arXiv (Cornell University)"},
        },
        "locations": [{"landing_page_url": "http://arxiv.org/abs/2611.01234"}],
        "abstract_inverted_index": index,
    }
    return {**work, **changes}


ACL_BIB = """@inproceedings{perez-ruiz-li-2026-echo,
    title = "Echo Heads in {E}nglish and {\\"U}bersetzung",
    author = "P{\\'e}rez-Ruiz, Ana  and
      Li, Bo",
    booktitle = "Proceedings of an Invented Conference",
    month = nov,
    year = "2026",
    url = "https://aclanthology.org/2026.invented-main.7/",
    doi = "10.18653/v1/2026.invented-main.7",
    pages = "1--9",
    abstract = "On echo heads, which are attention heads. 40{\\%} of them are induction heads."
}
"""
