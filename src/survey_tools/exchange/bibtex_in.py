"""BibTeX in: entries as plain text, LaTeX decoded, or one error that names every line that cannot be read.

A parser of BibTeX goes on after a broken entry; a reading that loses papers in silence is no use here, so
whatever was not understood is an error. What an entry means for the survey is decided by those who call.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import bibtexparser
from bibtexparser.library import Library
from bibtexparser.middlewares import ResolveStringReferencesMiddleware
from bibtexparser.middlewares.names import parse_single_name_into_parts, split_multiple_persons_names
from bibtexparser.model import DuplicateBlockKeyBlock, DuplicateFieldKeyBlock, Entry
from pylatexenc.latex2text import (  # type: ignore[import-untyped]  # comes with bibtexparser, has no types
    LatexNodes2Text,
    MacroTextSpec,
    get_default_latex_context_db,
)

from survey_tools.errors import KnowledgeError

MAX_CHARACTERS = 20_000_000
"""Of a file: some ten times the bibliography of a whole field."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_VENUES = ("journal", "booktitle", "howpublished", "series", "school", "institution")
"""Fields that say where a paper appeared; the first that is filled counts."""
_ADDRESSES = frozenset({"url", "doi", "eprint", "archiveprefix", "eprinttype"})
"""Fields that are not LaTeX: in an address `%`, `_` and `~` stand for themselves."""
_SIGNS = {"textbraceleft": "{", "textbraceright": "}", "textasciicircum": "^", "textperiodcentered": "·"}
"""What the decoder does not know, or takes for an accent."""
_ARXIV = re.compile(r"(?i)(?:arxiv\s*:\s*|arxiv\.org/(?:abs|pdf)/)([a-z.-]+/\d{7}|\d{4}\.\d{4,5})")

# The parser also tells its logger what it could not read; here that becomes an error with its line.
logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)


class _Unusable(Exception):
    """Why an entry, well-formed as it is, gives no paper."""


@dataclass(frozen=True)
class BibtexPaper:
    """One entry of a BibTeX file, in plain text. What the entry does not say is empty, 0 or None.

    `authors` are written first name first; `authors_cut` where the list ends in "and others".
    """

    key: str
    line: int
    kind: str
    title: str
    authors: tuple[str, ...] = ()
    authors_cut: bool = False
    year: str = ""
    month: int = 0
    venue: str = ""
    arxiv: str | None = None
    doi: str | None = None
    url: str | None = None
    abstract: str = ""

    @property
    def published(self) -> str:
        """`2024-11`, or `2024` where no month is given; empty without a year."""
        return f"{self.year}-{self.month:02d}" if self.year and self.month else self.year


def read_bibtex(text: str, name: str = "the BibTeX text") -> list[BibtexPaper]:
    """The papers of a BibTeX file, in its order; comments, preambles and strings of it are no papers.

    Accents and braces of LaTeX become the letters they stand for, mathematics stays as it is written.

    Raises:
        KnowledgeError: something in `text` (called `name` in the message) is broken or stands twice, an entry has
            no title, or there is no entry at all; every such place is named with its line.
    """
    if len(text) > MAX_CHARACTERS:
        raise KnowledgeError(
            f"{name} is {len(text) / 1e6:,.0f} MB large; at most {MAX_CHARACTERS / 1e6:,.0f} MB are read"
        )
    text = unicodedata.normalize("NFC", text.removeprefix("\ufeff").replace("\r\n", "\n"))
    strings = ResolveStringReferencesMiddleware(allow_inplace_modification=True)
    library = bibtexparser.parse_string(text, parse_stack=[strings])
    wrong = [(block.start_line + 1, _failure(block, library)) for block in library.failed_blocks]
    papers = []
    for entry in library.entries:
        try:
            paper, complaint = _paper(entry), ""
        except _Unusable as error:
            paper, complaint = None, str(error)
        except RecursionError:
            paper, complaint = None, "nests its braces too deeply"
        if paper is None:
            wrong.append((entry.start_line + 1, f"entry '{entry.key}' {complaint}"))
        else:
            papers.append(paper)
    if wrong:
        lines = "\n".join(f"  {name}:{line}: {what}" for line, what in sorted(wrong))
        raise KnowledgeError(f"{name} cannot be read as BibTeX:\n{lines}")
    if not papers:
        raise KnowledgeError(f"{name} holds no BibTeX entry; one starts with @article{{key, or @misc{{key, and so on")
    return papers


def _failure(block: Any, library: Library) -> str:
    if isinstance(block, DuplicateBlockKeyBlock):
        first = next(other for other in library.blocks if getattr(other, "key", None) == block.key)
        return f"the key '{block.key}' stands in line {first.start_line + 1} already; keep one of the two"
    if isinstance(block, DuplicateFieldKeyBlock):
        return f"an entry gives {', '.join(sorted(block.duplicate_keys))} twice; keep one"
    start = " ".join((block.raw or "").split())[:40]
    return f"the entry that starts '{start}' is broken; look for a missing brace, quote, comma or equals sign"


def _without_enclosing(key: str, raw: str) -> str:
    """`{text}`, `"text"`, `2024` or `nov` without its enclosing."""
    raw = raw.strip()
    depth, quoted = 0, False
    for i, sign in enumerate(raw):
        if sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
        elif sign == '"' and depth == 0 and raw.startswith('"'):
            quoted = not quoted
        elif sign == "#" and depth == 0 and not quoted and i:
            raise _Unusable(f"joins pieces of its {key} with #; write the whole value in braces")
    return raw[1:-1] if (raw[:1], raw[-1:]) in (("{", "}"), ('"', '"')) and len(raw) > 1 else raw


def _paper(entry: Entry) -> BibtexPaper:
    given = [(field.key.casefold(), str(field.value)) for field in entry.fields]
    fields = {key: _joined_month(raw) if key == "month" else _without_enclosing(key, raw) for key, raw in given}
    plain = {key: _address(value) if key in _ADDRESSES else _decoded(value) for key, value in fields.items()}
    if not plain.get("title"):
        raise _Unusable("has no title")
    authors = [_decoded(_first_name_first(person)) for person in _people(fields.get("author", ""))]
    year = re.search(r"\b(1[89]|20)\d\d\b", plain.get("year") or plain.get("date", ""))
    doi = re.search(r"10\.\d{4,9}/\S+", plain.get("doi", ""))
    return BibtexPaper(
        key=entry.key,
        line=entry.start_line + 1,
        kind=entry.entry_type,
        title=plain["title"],
        authors=tuple(author for author in authors if author and author != "others"),
        authors_cut="others" in authors,
        year=year[0] if year else "",
        month=_month(plain),
        venue=next((plain[field] for field in _VENUES if plain.get(field)), ""),
        arxiv=_arxiv(plain),
        doi=doi[0] if doi else None,
        url=plain.get("url") or None,
        abstract=plain.get("abstract", ""),
    )


def _people(names: str) -> list[str]:
    return list(split_multiple_persons_names(" ".join(names.split()))) if names.strip() else []


def _first_name_first(name: str) -> str:
    """`Last, Jr, First` as `First Last Jr`; names without a comma, and organisations in braces, stay as they are."""
    if "," not in name or (name.startswith("{") and name.endswith("}")):
        return name
    parts = parse_single_name_into_parts(name, strict=False)
    return " ".join((*parts.first, *parts.von, *parts.last, *parts.jr))


def _joined_month(raw: str) -> str:
    """The month's own piece of `aug # " 8-12"`, as bibliographies write the days of a conference."""
    pieces = [_without_enclosing("month", piece) for piece in raw.split("#")]
    return next((piece for piece in pieces if piece.strip(" .")[:3].casefold() in _MONTHS), pieces[0])


def _month(plain: dict[str, str]) -> int:
    said = plain.get("month", "").casefold().strip(" .")
    dated = re.match(r"\d{4}-(\d\d)", plain.get("date", ""))
    number = int(said) if said.isdigit() else int(dated[1]) if dated and not said else 0
    if said[:3] in _MONTHS:
        number = _MONTHS.index(said[:3]) + 1
    return number if number <= len(_MONTHS) else 0


def _arxiv(plain: dict[str, str]) -> str | None:
    """From `eprint`, or from an address or venue that names arXiv; without its version."""
    eprint = plain.get("eprint", "")
    prefix = plain.get("archiveprefix") or plain.get("eprinttype") or "arxiv"
    if prefix.casefold() == "arxiv" and (bare := re.fullmatch(r"(?i)(?:arxiv:)?(\S+?)(v\d+)?", eprint)):
        return bare[1] if re.fullmatch(r"[a-z-]+(\.[A-Z]{2})?/\d{7}|\d{4}\.\d{4,5}", bare[1]) else None
    where = " ".join(plain.get(field, "") for field in ("url", "journal", "howpublished", "note"))
    named = _ARXIV.search(where)
    return named[1] if named else None


def _address(value: str) -> str:
    return re.sub(r"\\(?=[_%&#~$])", "", re.sub(r"[{}\s]", "", value).removeprefix(r"\url"))


def _decoded(latex: str) -> str:
    # A field of BibTeX has no comments and no tables, so bare % and & are themselves; {''} is a straight quote.
    latex = re.sub(r"(?<!\\)([%&])", r"\\\1", latex).replace("{''}", '"')
    text = _decoder().latex_to_text(latex)
    return " ".join(unicodedata.normalize("NFC", str(text)).split())


@lru_cache(maxsize=1)
def _decoder() -> Any:
    macros = get_default_latex_context_db()
    plain = [MacroTextSpec(name, sign) for name, sign in _SIGNS.items()]
    macros.add_context_category("plain signs", macros=plain, prepend=True)
    return LatexNodes2Text(latex_context=macros, math_mode="verbatim", keep_comments=True)
