"""Text of entries and records, made to appear verbatim in Markdown and in HTML.

Every sign that either language could read as its own becomes a numeric character reference, which both
show as the plain sign: one function serves headings, table cells, paragraphs and attributes alike.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

_PLAIN = frozenset(" ,;.?!/%()-:+@$")
_LINE_START = re.compile(r"^(\d+)([.)])(?=\s|$)|^([-+:!?])")


def text(value: object) -> str:
    """`value` as it should be read: nothing in it works as markup; line breaks become spaces."""
    words = " ".join("".join(sign for sign in str(value) if not _is_control(sign)).split())
    escaped = "".join(sign if sign.isalnum() or sign in _PLAIN else f"&#{ord(sign)};" for sign in words)
    return _LINE_START.sub(_escaped_start, escaped)


def verbatim(value: str) -> str:
    """`value` with its spaces and line breaks, for the inside of `pre` and `code`; nothing in it works as markup."""
    kept = (sign for sign in value if sign == "\n" or not _is_control(sign))
    return "".join(sign if sign.isalnum() or sign in " ,;.?()-" else f"&#{ord(sign)};" for sign in kept)


def link(address: str, label: str) -> str:
    """A link to the open web; `label` is HTML. An address that is not http(s) is left out, the label stays."""
    if urlsplit(address).scheme not in ("http", "https"):
        return label
    safe = re.sub(r"[\"'<>`\s\\]", lambda match: f"%{ord(match[0]):02X}", address).replace("&", "&amp;")
    return f'<a href="{safe}" rel="noopener">{label}</a>'


def code_block(content: str, language: str = "text") -> str:
    """A fenced block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{content.strip()}\n{fence}"


def _is_control(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cf", "Co", "Cs") and not sign.isspace()


def _escaped_start(match: re.Match[str]) -> str:
    if match[3]:
        return f"&#{ord(match[3])};"
    return f"{match[1]}&#{ord(match[2])};"
