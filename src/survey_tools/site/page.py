"""A page: Markdown with its front matter, and links that work at any depth."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from survey_tools.site.escape import text

ROOT = "@/"
"""Stands for the site's root in a page body: `href="@/papers/wang-2022-ioi/"`. Text from entries cannot
hold a plain double quote (see escape.py), so it cannot forge one."""

_ROOTED = re.compile(r'((?:href|src)=")@/([^"]*)"')


@dataclass(frozen=True)
class Page:
    """`path` is the file in the documentation folder without `.md`: `heads/induction`, `heads/index`, `index`."""

    path: str
    title: str
    description: str
    body: str
    boost: float = 1.0
    """Weight in the search results: a head type stands above the papers that mention it."""
    hide: tuple[str, ...] = ()
    in_search: bool = True

    @property
    def file(self) -> str:
        """The Markdown file."""
        return f"{self.path}.md"

    @property
    def address(self) -> str:
        """Where a browser finds it, relative to the root: `heads/induction/`, `heads/`, ``."""
        return address_of(self.file)

    @property
    def targets(self) -> tuple[str, ...]:
        """Everything on this site that the page links to, relative to the root."""
        return tuple(match[2] for match in _ROOTED.finditer(self.body))

    def markdown(self) -> str:
        """The file's content."""
        front = [f'title: "{text(self.title)}"', f'description: "{text(self.description)}"']
        if self.hide:
            front.append(f"hide: [{', '.join(self.hide)}]")
        if not self.in_search:
            front.append("search: {exclude: true}")
        elif self.boost != 1:
            front.append(f"search: {{boost: {self.boost:g}}}")
        body = _ROOTED.sub(lambda match: f'{match[1]}{relative(self.address, match[2])}"', self.body)
        return "---\n" + "\n".join(front) + "\n---\n\n" + body.strip() + "\n"


def address_of(file: str) -> str:
    """The address mkdocs gives to a file of the documentation folder."""
    if not file.endswith(".md"):
        return file
    stem = file.removesuffix(".md")
    return stem.removesuffix("index") if posixpath.basename(stem) == "index" else f"{stem}/"


def relative(here: str, there: str) -> str:
    """The link from one address to another: both relative to the root, `there` with an optional fragment."""
    address, mark, fragment = there.partition("#")
    if address == here and mark:
        return f"#{fragment}"
    up = "../" * here.count("/")
    return f"{up}{address}{mark}{fragment}" or "./"
