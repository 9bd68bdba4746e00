"""A paper as a BibTeX entry and as one line of text. Never a guess: venues are free text here, so an entry is
`@inproceedings` or `@article` only where the venue is one of those named below, and else `@misc` with
`howpublished`, which each BibTeX style prints. Whatever is written is read back equal by `exchange.bibtex_in`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

import bibtexparser
from bibtexparser.library import Library
from bibtexparser.model import Entry, Field
from pylatexenc.latexencode import (  # type: ignore[import-untyped]  # comes with bibtexparser, has no types
    RULE_DICT,
    RULE_REGEX,
    UnicodeToLatexConversionRule,
    UnicodeToLatexEncoder,
    get_builtin_uni2latex_dict,
)

from survey_tools.knowledge.records import Paper

CONFERENCES = frozenset((
    "AAAI", "AACL", "ACL", "AISTATS", "BlackboxNLP", "COLING", "COLM", "CVPR", "CoNLL", "EACL", "ECCV", "EMNLP",
    "EMNLP-IJCNLP", "ICASSP", "ICCV", "ICLR", "ICML", "IJCAI", "IJCNLP-AACL", "INTERSPEECH", "KDD", "LREC-COLING",
    "NAACL", "NeurIPS", "SIGIR", "UAI", "WACV", "WWW", "xAI",
))  # fmt: skip
JOURNALS = frozenset(("JMLR", "Patterns", "Proceedings of the National Academy of Sciences", "TACL", "TMLR"))
"""Venues whose kind is certain; add yours here."""
_AT_CONFERENCE = re.compile(r"(?:Findings of )?(\S+) \d{4}(?: Student Research Workshop)?")
_IN_JOURNAL = re.compile(r"(.+?),? \d{4}")

_SIGNS = "ΓΔΘΛΞΠΣΦΨΩαβγδεζηθικλμνξπρςστυφχψω–—‘’“”…←→↔≠≤≥≈∞∈"
_WRONG = "ĦħĸĿŀŉŦŧ"
"""Latin letters whose macro in the library's table stands for another letter, or for none."""
_MACROS = {
    **{code: macro for code, macro in get_builtin_uni2latex_dict().items() if code < 0x180 or chr(code) in _SIGNS},
    # BibTeX counts braces even behind a backslash, so a brace of the text must not stay one.
    ord("{"): r"\textbraceleft",
    ord("}"): r"\textbraceright",
    ord("Ű"): r"\H{U}",
    ord("ű"): r"\H{u}",
}
_LATEX = UnicodeToLatexEncoder(
    conversion_rules=[
        # Two hyphens or quotes, or ?` and !`, would be joined to one sign.
        UnicodeToLatexConversionRule(RULE_REGEX, [(re.compile(r"-(?=-)|'(?=')|`(?=`)|[?!](?=`)"), r"{\g<0>}")], "none"),
        UnicodeToLatexConversionRule(RULE_DICT, {code: _MACROS[code] for code in _MACROS if chr(code) not in _WRONG}),
    ],
    replacement_latex_protection="braces-all",  # {\"u}: what BibTeX takes for one letter
    unknown_char_policy="keep",  # all else, other scripts too: today's engines read UTF-8
    unknown_char_warning=False,
)

PAGES = {
    "arxiv": "https://arxiv.org/abs/{}",
    "doi": "https://doi.org/{}",
    "acl": "https://aclanthology.org/{}/",
    "openreview": "https://openreview.net/forum?id={}",
}
"""The page of each kind of identifier."""
_ENTRY_TYPES = {
    "conference": ("inproceedings", "booktitle"),
    "journal": ("article", "journal"),
    None: ("misc", "howpublished"),
}


def bibtex(paper: Paper) -> str:
    """One BibTeX entry; its key is the paper's id, its title keeps its capitals (double braces)."""
    authors = " and ".join(_name(author) for author in paper.authors)
    kind, place = _ENTRY_TYPES[venue_kind(paper.venue)]
    fields = {
        "author": authors,
        "title": f"{{{_latex(paper.title)}}}",
        place: _latex(paper.venue or ""),
        "year": paper.published[:4],
        "eprint": paper.ids.arxiv or "",
        "archiveprefix": "arXiv" if paper.ids.arxiv else "",
        "doi": _no_braces(paper.ids.doi or ""),
        "url": _no_braces(_published_at(paper) or ""),
    }
    entry = Entry(kind, paper.id, [Field(key, value) for key, value in fields.items() if value])
    return str(bibtexparser.write_string(Library([entry]))).strip() + "\n"


def venue_kind(venue: str | None) -> Literal["conference", "journal"] | None:
    """What a venue is, where that is certain: `ICLR 2025` and `Findings of EMNLP 2025` are, a blog is not."""
    if (at := _AT_CONFERENCE.fullmatch(venue or "")) and at[1] in CONFERENCES:
        return "conference"
    if (issue := _IN_JOURNAL.fullmatch(venue or "")) and issue[1] in JOURNALS:
        return "journal"
    return None


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
    return _first_page(paper, ("arxiv", "doi", "acl", "openreview"))


def _published_at(paper: Paper) -> str | None:
    """The link of a BibTeX entry: `eprint` and `doi` say those two pages already, nothing else says the others."""
    return _first_page(paper, ("acl", "openreview", "arxiv", "doi"))


def _first_page(paper: Paper, order: tuple[str, ...]) -> str | None:
    named = ((kind, getattr(paper.ids, kind)) for kind in order)
    return paper.links.paper or next((PAGES[kind].format(value) for kind, value in named if value), None)


def _name(author: str) -> str:
    # An organisation with " and " in its name would otherwise be two authors, and a comma would turn it round.
    name = _latex(author)
    return f"{{{name}}}" if "," in author or " and " in f" {author.casefold()} " else name


def _no_braces(address: str) -> str:
    return address.replace("{", "%7B").replace("}", "%7D")


def _latex(text: str) -> str:
    return str(_LATEX.unicode_to_latex(unicodedata.normalize("NFC", " ".join(text.split()))))
