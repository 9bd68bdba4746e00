"""HTML that an executed notebook put out, reduced to words and tables: no attribute survives, nothing runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from survey_tools.site.escape import text

KEPT = frozenset({
    "table", "thead", "tbody", "tr", "th", "td", "caption", "p", "em", "strong", "b", "i", "code", "pre", "br",
    "sub", "sup", "ul", "ol", "li", "div", "span",
})  # fmt: skip
DROPPED_WITH_CONTENT = frozenset(("script", "style", "template", "iframe", "object", "svg", "math"))


def plain_html(html: str) -> str:
    """`html` with the elements of KEPT, without their attributes; scripts and styles go with what they hold."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return re.sub(r"\n\s*\n", "\n", "".join(reader.written).strip())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self._dropping: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DROPPED_WITH_CONTENT:
            self._dropping.append(tag)
        elif tag in KEPT and not self._dropping:
            self.written.append(f"<{tag}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in KEPT and not self._dropping:
            self.written.append(f"<{tag}>" if tag == "br" else f"<{tag}></{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            if tag == self._dropping[-1]:
                self._dropping.pop()
        elif tag in KEPT and tag != "br":
            self.written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            words = text(data)
            before = " " if data[:1].isspace() and words else ""
            after = " " if data[-1:].isspace() and words else ""
            self.written.append(f"{before}{words}{after}" if words else "\n" if data.strip(" ") else data)
