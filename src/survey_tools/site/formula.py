"""LaTeX to MathML when the site is built: browsers draw it, nothing is fetched, screen readers read it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from latex2mathml.converter import convert

from survey_tools.site.escape import text

_ELEMENTS = frozenset({
    "math", "mrow", "mi", "mo", "mn", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup",
    "munder", "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom",
})  # fmt: skip
_ATTRIBUTES = frozenset({
    "display", "mathvariant", "stretchy", "fence", "form", "width", "accent", "accentunder", "linethickness",
    "displaystyle", "scriptlevel", "minsize", "maxsize", "columnalign", "lspace", "rspace", "movablelimits",
})  # fmt: skip
_NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
SPACE = "&#160;"
"""At the ends of words within a formula, where a plain space would not be drawn."""
_ARG = re.compile(r"\\arg(?![a-zA-Z])")
"""The one command of our entries that latex2mathml does not know."""
_BARE_AMPERSAND = re.compile(r"&(?![a-zA-Z#]\w*;)")
_IN_MARKDOWN = re.compile(
    r"(?P<code>```.*?```|`[^`\n]+`)|\$\$(?P<block>.+?)\$\$|(?<![\\$\w])\$(?P<inline>[^\s$](?:[^$\n]*[^\s$])?)\$(?![\d\w])",
    re.DOTALL,
)


def formula(latex: str, display: bool = True) -> str:
    """MathML of a LaTeX formula without dollar signs; what cannot be converted is shown as it was written."""
    try:
        converted = convert(_ARG.sub(r"\\operatorname{arg}\\,", latex))
        root = ElementTree.fromstring(_BARE_AMPERSAND.sub("&amp;", converted))
        if any("\\" in (element.text or "") for element in root.iter()):
            raise ValueError("a command was not understood")
        drawn = _written(root, "block" if display else "inline")
    except Exception:  # latex2mathml raises a dozen unrelated types for malformed input
        return f"<code>{text(latex)}</code>"
    return drawn if display else f'<span class="inline-formula">{drawn}</span>'


def formulas_in_markdown(markdown: str) -> str:
    """Markdown whose `$...$` and `$$...$$` outside code have become MathML."""

    def replace(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        if match["block"]:
            return f'\n\n<div class="formula">{formula(match["block"].strip())}</div>\n\n'
        return formula(match["inline"], display=False)

    return _IN_MARKDOWN.sub(replace, markdown)


def _written(element: ElementTree.Element, display: str | None = None) -> str:
    """Only elements and attributes of MathML's core that we know: nothing from an entry becomes active."""
    tag = element.tag.removeprefix(_NAMESPACE)
    if tag not in _ELEMENTS:
        raise ValueError(f"unexpected element {tag}")
    attributes = {key: value for key, value in element.attrib.items() if key in _ATTRIBUTES}
    if display:
        attributes["display"] = display
    if tag == "mo" and "largeop" not in attributes and (element.text or "").isalpha() and len(element.text or "") > 1:
        tag, attributes = "mi", {}  # a named operator (mean, corr): as an operator its limits would drift off
    written = "".join(f' {key}="{text(value)}"' for key, value in sorted(attributes.items()))
    words = element.text or ""
    first, last = (SPACE if tag == "mtext" and end.isspace() else "" for end in (words[:1], words[-1:]))
    return f"<{tag}{written}>{first}{text(words)}{last}{''.join(_run(list(element)))}</{tag}>"


def _run(children: list[ElementTree.Element]) -> list[str]:
    """Children in order, upright letters joined: `\\mathrm{end}` is one word, not three variables."""
    written: list[str] = []
    word = ""
    for child in children:
        if child.tag == f"{_NAMESPACE}mi" and child.get("mathvariant") == "normal" and (child.text or "").isalpha():
            word += child.text or ""
            continue
        if word:
            written.append(_word(word))
            word = ""
        written.append(_written(child))
    if word:
        written.append(_word(word))
    return written


def _word(letters: str) -> str:
    variant = ' mathvariant="normal"' if len(letters) == 1 else ""
    return f"<mi{variant}>{text(letters)}</mi>"
