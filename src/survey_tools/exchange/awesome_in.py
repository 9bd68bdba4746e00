"""The reading list this survey grew from, read: HTML tables of four columns in a README.

A row of a paper has a date, a title (perhaps a link), head types as badges or text, and links as badges; the row
below it holds a summary. Cells are found by the words of the table's header, so that their order does not matter,
and a row that was not closed does not swallow the next. Tables without such a header are not of the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote

from survey_tools.errors import KnowledgeError
from survey_tools.exchange.addresses import host_of
from survey_tools.exchange.listed import Listed, Listing
from survey_tools.knowledge.problems import shown

_COLUMNS = {"date": "date", "paper": "paper", "tags": "tags", "tag": "tags", "links": "links", "link": "links"}
_NEEDED = frozenset({"date", "paper"})
_LONGEST_TAG = 2000
_DATE = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")


@dataclass
class _Cell:
    """What stands in one cell: its text, and its links and images with their badges' words."""

    spans: bool
    text: list[str] = field(default_factory=list)
    images: list[tuple[str, ...]] = field(default_factory=list)
    links: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def plain(self) -> str:
        return " ".join("".join(self.text).split())


@dataclass
class _Row:
    line: int
    table: int
    cells: list[_Cell] = field(default_factory=list)


def read_awesome(text: str, name: str = "the list") -> Listing:
    """The papers of the list's README, in its order.

    Raises:
        KnowledgeError: `text` (called `name` in the message) holds no table of that form, or no paper in one.
    """
    papers: list[Listed] = []
    unread: list[tuple[int, str]] = []
    table, columns = 0, dict[str, int]()
    for row in _rows(text):
        if row.table != table:
            table, columns = row.table, {}
        if not columns:
            columns = _header(row)
        elif any(cell.spans for cell in row.cells) or not row.cells:
            continue  # the summary of the paper above
        else:
            found = _paper(row, columns)
            if isinstance(found, str):
                unread.append((row.line, found))
            else:
                papers.append(found)
    if not papers:
        lines = "".join(f"\n  {name}:{line}: {why}" for line, why in unread)
        raise KnowledgeError(
            f"{name} is not the reading list: expected HTML tables with the columns Date, Paper, Tags and Links, "
            f"as the README of Awesome-Attention-Heads has, and found no paper in one{lines}"
        )
    return Listing(name, tuple(papers), tuple(unread))


def _header(row: _Row) -> dict[str, int]:
    """Which column is where; empty for a row that is no header."""
    first_words = [(cell.plain.casefold().split() or [""])[0] for cell in row.cells]
    columns = {_COLUMNS[word]: i for i, word in reversed(list(enumerate(first_words))) if word in _COLUMNS}
    return columns if columns.keys() >= _NEEDED else {}


def _paper(row: _Row, columns: dict[str, int]) -> Listed | str:
    """The paper of a row, or what is wrong with it."""
    empty = _Cell(spans=False)
    cells = {name: row.cells[i] if i < len(row.cells) else empty for name, i in columns.items()}
    title, said = cells["paper"].plain, cells["date"].plain
    date = _DATE.fullmatch(said)
    if not title:
        return "a row without a title"
    if date is None:
        return f"{shown(title)} has the date {shown(said)}, expected YYYY-MM-DD"
    by_kind: dict[str, list[str]] = {"paper": [], "code": [], "other": []}
    for address, words in (*cells["paper"].links, *cells.get("links", empty).links):
        if host_of(address):
            by_kind[_kind(address, words)].append(address)
    return Listed(
        line=row.line,
        title=title,
        published="-".join(part.zfill(2) for part in date.groups() if part),
        links=tuple(dict.fromkeys(by_kind["paper"])),
        code=tuple(dict.fromkeys(by_kind["code"])),
        other_links=tuple(dict.fromkeys(by_kind["other"])),
        tags=tuple(dict.fromkeys(_tags(cells.get("tags", empty)))),
    )


def _kind(address: str, words: list[str]) -> str:
    """What a link leads to, by the last word of its badge or text."""
    last = words[-1].casefold() if words else ""
    if last == "code" or (not last and host_of(address) == "github.com"):
        return "code"
    return "other" if last in ("data", "page", "project", "demo", "view", "video", "slides") else "paper"


def _tags(cell: _Cell) -> list[str]:
    """Head types from badges, and from text between commas, semicolons and line breaks."""
    written = (part.strip() for part in re.split(r"[,;\n•]", "".join(cell.text)))
    return [" ".join(words) for words in cell.images if words] + [" ".join(part.split()) for part in written if part]


def _rows(text: str) -> list[_Row]:
    # An & before `name=` begins the next part of an address; the parser would read `&notes=1` as the sign ¬.
    text = re.sub(r"&(?=\w+=)", "&amp;", text)
    parser = _Tables()
    parser.feed(_only_tags(_without_code(text)))
    parser.close()
    return parser.rows


def _without_code(text: str) -> str:
    """`text` with empty lines where Markdown shows code: what is shown as code is no table."""
    lines, fence = [], ""
    for line in text.split("\n"):
        start = line.strip()[:3]
        if fence:
            fence, line = "" if start == fence else fence, ""
        elif start in ("```", "~~~"):
            fence, line = start, ""
        lines.append(line)
    return "\n".join(lines)


def _only_tags(text: str) -> str:
    """Without comments, and with `<` as a sign where no tag begins: on tags that never end the parser takes hours."""
    text = re.sub(r"<!--.*?(?:-->|\Z)", lambda comment: "\n" * comment[0].count("\n"), text, flags=re.DOTALL)
    return re.sub(rf"<(?![a-zA-Z/][^>]{{0,{_LONGEST_TAG}}}>)", "&lt;", text)


class _Tables(HTMLParser):
    """Gathers rows; opening a row or cell closes the one before."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[_Row] = []
        self._table = 0
        self._row: _Row | None = None
        self._cell: _Cell | None = None
        self._link: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "table":
            self._table += 1
        if tag in ("table", "tr", "td", "th"):
            self._cell = self._link = None
        if tag == "tr":
            self._row = _Row(self.getpos()[0], self._table)
            self.rows.append(self._row)
        elif tag in ("td", "th") and self._row is not None:
            self._cell = _Cell(spans=given.get("colspan", "1") not in ("", "1"))
            self._row.cells.append(self._cell)
        elif self._cell is not None:
            self._inside(tag, given)

    def _inside(self, tag: str, given: dict[str, str]) -> None:
        assert self._cell is not None
        if tag == "br":
            self._cell.text.append("\n")
        elif tag == "a" and given.get("href"):
            self._link = []
            self._cell.links.append((given["href"].strip(), self._link))
        elif tag == "img":
            words = _badge(given.get("src", ""), given.get("alt", ""))
            if self._link is None:
                self._cell.images.append(words)
            else:
                self._link.extend(words)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._link = None
        elif tag in ("td", "th"):
            self._cell = self._link = None
        elif tag in ("tr", "table"):
            self._row = self._cell = self._link = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.text.append(data)
        if self._link is not None:
            self._link.extend(data.split())


def _badge(source: str, alternative: str) -> tuple[str, ...]:
    """The words of a badge: `.../badge/In--Context_Head-blue` says `In-Context Head`; else its alternative text.

    In such an address `_` is a space, `__` and `--` are `_` and `-`, and a single `-` parts label, message and colour.
    """
    found = re.search(r"/badge/([^/?#]+)", source)
    if found is None:
        return tuple(re.sub(r"(?i)\s*badge$", "", alternative).split())
    label = unquote(found[1]).replace("--", "\0").replace("__", "\1")
    parts = [part.replace("_", " ").replace("\0", "-").replace("\1", "_") for part in label.split("-")]
    return tuple(word for part in (parts[:-1] or parts) for word in part.split())
