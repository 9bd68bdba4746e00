"""A paper as a BibTeX entry and as one line of text. Never a guess: venues are free text here, so every
entry is `@misc` with `howpublished`, which each BibTeX style prints.
"""

from __future__ import annotations

import bibtexparser
from bibtexparser.library import Library
from bibtexparser.model import Entry, Field
from pylatexenc.latexencode import (  # type: ignore[import-untyped]  # comes with bibtexparser, has no types
    RULE_DICT,
    UnicodeToLatexConversionRule,
    UnicodeToLatexEncoder,
)

from survey_tools.knowledge.records import Paper

# BibTeX counts braces even behind a backslash, so a brace of the text must not stay one.
_BRACES = UnicodeToLatexConversionRule(RULE_DICT, {ord("{"): r"\textbraceleft", ord("}"): r"\textbraceright"})
_LATEX = UnicodeToLatexEncoder(
    conversion_rules=[_BRACES, "defaults"],
    replacement_latex_protection="braces-all",  # {\"u}: what BibTeX takes for one letter
    unknown_char_policy="keep",  # scripts without a macro: today's engines read UTF-8
    unknown_char_warning=False,
)


def bibtex(paper: Paper) -> str:
    """One BibTeX entry; its key is the paper's id, its title keeps its capitals (double braces)."""
    authors = " and ".join(_name(author) for author in paper.authors)
    fields = {
        "author": authors,
        "title": f"{{{_latex(paper.title)}}}",
        "howpublished": _latex(paper.venue or ""),
        "year": paper.published[:4],
        "eprint": paper.ids.arxiv or "",
        "archiveprefix": "arXiv" if paper.ids.arxiv else "",
        "doi": _no_braces(paper.ids.doi or ""),
        "url": _no_braces(address(paper) or ""),
    }
    entry = Entry("misc", paper.id, [Field(key, value) for key, value in fields.items() if value])
    return str(bibtexparser.write_string(Library([entry]))).strip() + "\n"


def cite_as(paper: Paper) -> str:
    """One line of text: authors, year, title, venue, identifier."""
    authors = paper.authors
    who = f"{authors[0]} et al." if len(authors) > 2 else " and ".join(authors)
    parts = [
        f"{who} ({paper.published[:4]})" if who else f"({paper.published[:4]})",
        " ".join(paper.title.split()),
        paper.venue,
        f"arXiv:{paper.ids.arxiv}" if paper.ids.arxiv else f"doi:{paper.ids.doi}" if paper.ids.doi else address(paper),
    ]
    return " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts if part)


def address(paper: Paper) -> str | None:
    """Where the paper can be read: its own link, else the page of its arXiv id, DOI, ACL or OpenReview id."""
    ids = paper.ids
    pages = (
        ("https://arxiv.org/abs/{}", ids.arxiv),
        ("https://doi.org/{}", ids.doi),
        ("https://aclanthology.org/{}/", ids.acl),
        ("https://openreview.net/forum?id={}", ids.openreview),
    )
    return paper.links.paper or next((page.format(value) for page, value in pages if value), None)


def _name(author: str) -> str:
    # An organisation with " and " in its name would otherwise be two authors.
    name = _latex(author)
    return f"{{{name}}}" if " and " in f" {author.casefold()} " else name


def _no_braces(address: str) -> str:
    return address.replace("{", "%7B").replace("}", "%7D")


def _latex(text: str) -> str:
    return str(_LATEX.unicode_to_latex(" ".join(text.split())))
