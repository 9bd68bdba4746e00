"""The pieces pages are made of, as HTML: badges, tables, figures, lists of facts.

Arguments called `html` or typed as cells are markup already; everything that comes from an entry or a
record goes through `escape.text` first. Tables and charts of measurements stay out of the search index
(`data-search-exclude`), or every reader would download thousands of numbers with it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from survey_tools.knowledge.records import Correction, Plan
from survey_tools.site.escape import text
from survey_tools.site.page import ROOT

EXCLUDED = " data-search-exclude"
UNSEARCHED = "{ data-search-exclude }"
"""After a heading: nothing of its section goes into the search index."""
VERDICTS = {
    "reproduced": "Found here, and removing what was found causes the loss the definition claims.",
    "partly": "Found here, but the cause does not hold, or only one of several claims does.",
    "not reproduced": "The model shows the behaviour, and no head passes.",
    "not testable here": "The model lacks the behaviour, or the type needs another kind of model.",
    "does not apply": "The metric belongs to another kind of object: a toy, a pair of checkpoints, an encoder.",
    "not run yet": "No run of this type on this model so far.",
}
"""Verdict -> what it means, in the order of certainty."""
ABILITIES = ("present", "absent", "does not apply", "not run yet")
"""What a model makes of a task."""


def badge(verdict: str) -> str:
    """A verdict as words with an icon of its own shape: colour is never the only sign."""
    return f'<span class="verdict verdict--{_slug(verdict)}">{text(verdict)}</span>'


def sign(verdict: str, label: str = "", title: str = "") -> str:
    """A verdict's icon before `label` (HTML); the words are read out, and shown on hover with `title`."""
    look = f"verdict verdict--{_slug(verdict)}" + ("" if label else " verdict--bare")
    hover = f"{verdict}: {title}" if title else verdict
    return f'<span class="{look}" title="{text(hover)}"><span class="unseen">{text(verdict)}</span>{label}</span>'


def _slug(verdict: str) -> str:
    return verdict.replace(" ", "-") if verdict in VERDICTS or verdict in ABILITIES else "not-run-yet"


def tag(words: str, kind: str = "plain") -> str:
    """A small label: `suggested by us`, `wanted`, a role."""
    return f'<span class="tag tag--{kind}">{text(words)}</span>'


def inside(address: str, label: str) -> str:
    """A link within the site; `label` is HTML."""
    return f'<a href="{ROOT}{address}">{label}</a>'


def heads_page(entry: str) -> str:
    """Address of a head type."""
    return f"heads/{entry}/"


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Sequence[int] = (),
    searchable: bool = False,
    kind: str = "data",
) -> str:
    """A table that scrolls inside its own frame on a narrow screen. Header and cells are HTML.

    `kind` is its class: with `data data--wide` the first column stays in sight.
    """

    def cell(kind: str, column: int, html: str) -> str:
        look = ' class="number"' if column in numeric else ""
        scope = ' scope="col"' if kind == "th" else ""
        return f"<{kind}{scope}{look}>{html}</{kind}>"

    # The spaces between cells keep the search index from gluing the last word of one to the first of the next.
    head = " ".join(cell("th", column, name) for column, name in enumerate(header))
    body = "".join(
        "<tr>" + " ".join(cell("td", column, html) for column, html in enumerate(row)) + "</tr>\n" for row in rows
    )
    excluded = "" if searchable else EXCLUDED
    # A group, not a region: landmarks would need names of their own, and a page has many tables.
    return (
        f'<div class="frame" tabindex="0" role="group" aria-label="table"><table class="{kind}"{excluded}>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
    )


def figure(svg: str, caption: str, kind: str = "chart") -> str:
    """An inline SVG with a caption (HTML)."""
    return f'<figure class="{kind}"{EXCLUDED}>{svg.strip()}<figcaption>{caption}</figcaption></figure>'


def facts(pairs: Iterable[tuple[str, str]], kind: str = "facts", unsearched: Container[str] = ()) -> str:
    """Names and values (HTML); pairs with an empty value are left out, those `unsearched` stay out of the index."""
    rows = "".join(
        f"<div{EXCLUDED if name in unsearched else ''}><dt>{text(name)}</dt> <dd>{value}</dd></div>\n"
        for name, value in pairs
        if value
    )
    return f'<dl class="{kind}">\n{rows}</dl>' if rows else ""


def bullets(items: Iterable[str], kind: str = "plain") -> str:
    """A list of HTML items; nothing when there are none."""
    rows = "".join(f"<li>{item}</li>\n" for item in items)
    return f'<ul class="{kind}">\n{rows}</ul>' if rows else ""


def first_of(items: Iterable[str], shown: int, kind: str = "plain") -> str:
    """A list of HTML items whose first `shown` stand open and whose others are one click away."""
    rows = list(items)
    if len(rows) <= shown + 2:
        return bullets(rows, kind)
    rest = bullets(rows[shown:], kind)
    return f"{bullets(rows[:shown], kind)}\n\n<details><summary>{len(rows) - shown} more</summary>\n{rest}\n</details>"


def corrections(listed: Iterable[Correction]) -> str:
    """The section on departures from an earlier list; nothing when there are none."""
    rows = [
        f"<strong>{text(one.field.replace('_', ' '))}</strong>: an earlier list says <q>{text(one.listed)}</q>. "
        f"{text(one.why)}"
        for one in listed
    ]
    return f"## Corrections\n\n{bullets(rows)}" if rows else ""


def plan(planned: Plan, words: str) -> str:
    """What is not measured yet: how it will be, and what that needs. `words` (HTML) say what is missing, and how to
    add it.
    """
    listing = facts([("How", text(planned.how)), ("Needs", text(planned.needs))], "facts facts--small")
    return f'<div class="plan"{EXCLUDED}>\n<p>{badge("not run yet")} {words}</p>\n{listing}\n</div>'


def joined(parts: Iterable[str]) -> str:
    """Blocks of a page with an empty line between them; empty ones left out."""
    return "\n\n".join(part for part in parts if part)


def number(value: float | None, digits: int = 3) -> str:
    """A measured number: three significant digits, a real minus sign, a dash where there is none."""
    if value is None:
        return "–"
    if value != 0 and abs(value) < 0.0001:
        factor, power = f"{value:.0e}".split("e")
        return f"{factor} × 10<sup>{int(power)}</sup>".replace("-", "−")
    shown = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"
    return shown.replace("-", "−")


def aligned(value: float | None) -> str:
    """A number for a column: three decimals (one from ten upwards), so that scores stand under each other."""
    if value is None:
        return "–"
    return (f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}").replace("-", "−")


def interval(bounds: tuple[float, float] | None) -> str:
    """`0.71 to 0.83`."""
    return "–" if bounds is None else f"{number(bounds[0])} to {number(bounds[1])}"


def probability(value: float | None) -> str:
    """A p-value: never shown as zero."""
    if value is None:
        return "–"
    return "&lt; 0.0001" if value < 0.0001 else number(value, 2)


def measured(value: float | None, unit: str) -> str:
    """A number in its unit: a share as `92%`, nats as `4.56 nats`."""
    if value is None:
        return "–"
    return percent(value) if unit == "share" else f"{number(value)} {text(unit)}".strip()


def percent(value: float) -> str:
    """`92%`; never 100 or 0 for a share that is not exactly that."""
    rounded = round(100 * value)
    return f"{min(99, max(1, rounded)) if 0 < value < 1 else rounded}%"


def measured_interval(bounds: tuple[float, float] | None, unit: str) -> str:
    """`87 to 95%`, `4.5 to 4.6 nats`."""
    if bounds is None:
        return "–"
    low, high = bounds
    if unit == "share":
        return f"{percent(low).removesuffix('%')} to {percent(high)}"
    return f"{number(low)} to {number(high)} {text(unit)}".strip()


def task_page_of(task: str) -> str:
    """Address of a task."""
    return f"tasks/{task}/"


def head_name(layer: int, head: int) -> str:
    """`L5H1`."""
    return f"L{layer}H{head}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 head`, `3 heads`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def entry_footer(path: str, data: str) -> str:
    """Where an entry's text comes from and how to correct it."""
    return (
        f'<p class="entry-footer quiet">Something wrong or missing? Edit <code>{text(path)}</code> '
        f"({inside('contributing/', 'how')}). {inside(data, 'This entry as JSON')}.</p>"
    )
