"""Names translated between schemes, both ways, and the depths that a scheme asserts beside those that runs measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from survey_tools.knowledge.records import Counterpart, HeadType, Scheme, SchemeName, Stack
from survey_tools.results.records import RunRecord
from survey_tools.site.contents import Contents
from survey_tools.site.elements import badge, entry_footer, facts, heads_page, inside, joined, plural, table
from survey_tools.site.escape import link, text
from survey_tools.site.links import NAMING, WANTED, head_link
from survey_tools.site.page import Page

TITLE = "Names in other schemes"
MATCHES = {
    "exact": "the same heads",
    "broader": "their name covers more than ours",
    "narrower": "their name covers less than ours",
    "none": "no name of theirs covers it",
}
WIDTH, HEIGHT, EDGE = 168, 16, 4
"""Of the strip that shows relative depth, in pixels."""


def naming_page(contents: Contents) -> Page:
    """One section a scheme; the signs between names are explained once."""
    schemes = contents.survey.schemes.values()
    signs = facts([(word, text(meaning)) for word, meaning in MATCHES.items()], "facts facts--small")
    lead = (
        '<p class="lead">The same head has different names in different places. Here names are translated: from theirs '
        "to ours and back. A match is our reading of two definitions, and says how well they cover each other.</p>"
    )
    body = joined(["# Names in other schemes", lead, signs, *(_scheme(scheme, contents) for scheme in schemes)])
    description = "What other naming schemes call our head types, and where in the model they expect them."
    return Page("background/naming", TITLE, description, body, boost=2)


def counterpart_words(counterpart: Counterpart, contents: Contents) -> str:
    """For a head type's page: their names with the match, linked to their place on the page of names."""
    scheme = contents.survey.schemes[counterpart.scheme]
    by = inside(f"{NAMING}#{scheme.id}", text(scheme.name))
    note = f' <span class="quiet">{text(counterpart.note)}</span>' if counterpart.note else ""
    if counterpart.match == "none":
        return f"no name of {by} covers it.{note}"
    names = ", ".join(
        f"<strong>{inside(f'{NAMING}#{name_anchor(scheme, name)}', text(name))}</strong>" for name in counterpart.names
    )
    return f"{names} in {by}: {counterpart.match}, {MATCHES[counterpart.match]}.{note}"


def name_anchor(scheme: Scheme, name: str) -> str:
    """Where a name of a scheme stands on the page: `kowalczyk-induction-head`."""
    slug = "".join(sign if sign.isalnum() else "-" for sign in name.lower())
    return f"{scheme.id}-{'-'.join(part for part in slug.split('-') if part)}"


def _scheme(scheme: Scheme, contents: Contents) -> str:
    names = [name for stack in scheme.stacks for name in stack.names]
    matched = {name for _, counterpart in _pairs(scheme, contents) for name in counterpart.names}
    about = facts(
        [
            ("By", text(", ".join(scheme.authors))),
            ("Published", text(scheme.published)),
            ("Read", f"{link(scheme.link, text(scheme.link))} at <code>{text(scheme.revision)}</code>"),
            ("Licence", text(scheme.licence)),
            ("Holds", f"{plural(len(names), 'name')} in {plural(len(scheme.stacks), 'stack')}"),
            ("Of these", f"{len(matched)} with a counterpart here, {len(names) - len(matched)} without"),
            ("Bands", ", ".join(f"{text(band)} {_span(*ends)}" for band, ends in scheme.bands.items())),
            ("Notes", text(scheme.notes or "")),
        ]
    )
    return joined(
        [
            f"## {text(scheme.name)} {{ #{scheme.id} }}",
            text(scheme.summary),
            about,
            f"### Their names, ours {{ #{scheme.id}-theirs }}",
            "Depth is relative: 0 is the first layer, 1 the last. Bands and depths are theirs.",
            *(_stack(stack, scheme, contents) for stack in scheme.stacks),
            f"### Our types, their names {{ #{scheme.id}-ours }}",
            _ours(scheme, contents),
            f"### Depths measured here, beside theirs {{ #{scheme.id}-depths }}",
            _depths(scheme, contents),
            entry_footer(f"head_taxonomy/schemes/{scheme.id}.yml", f"background/{scheme.id}.json"),
        ]
    )


def _pairs(scheme: Scheme, contents: Contents) -> Iterator[tuple[HeadType, Counterpart]]:
    """Our types that were compared with a scheme."""
    for head in contents.survey.head_types.values():
        for counterpart in head.counterparts:
            if counterpart.scheme == scheme.id:
                yield head, counterpart


def _stack(stack: Stack, scheme: Scheme, contents: Contents) -> str:
    ours: dict[str, list[tuple[int, str]]] = {}
    for head, counterpart in _pairs(scheme, contents):
        sign = "" if counterpart.match == "exact" else f"{counterpart.match} than "
        words = list(MATCHES).index(counterpart.match), f"{sign}{head_link(head.id, contents)}"
        for name in counterpart.names:
            ours.setdefault(name, []).append(words)
    rows = []
    for known in stack.names:
        also = f'<br><small class="quiet">{text("; ".join(known.also))}</small>' if known.also else ""
        rows.append(
            [
                f'<span id="{name_anchor(scheme, known.name)}">{text(known.name)}</span>{also}',
                "<br>".join(words for _, words in sorted(ours.get(known.name, ())))
                or '<span class="quiet">none of ours</span>',
                f'{text(known.band)} <span class="nowrap">{_span(*known.depth)}</span>',
            ]
        )
    listing = table(["their name, and what they map to it", "ours", "band, depth"], rows, searchable=True, kind=NAMES)
    return f"#### {text(stack.name)}\n\n{text(stack.summary)}\n\n{listing}"


NAMES = "data data--names"


def _ours(scheme: Scheme, contents: Contents) -> str:
    pairs = sorted(_pairs(scheme, contents), key=lambda pair: pair[0].name.casefold())
    rows = [
        [
            head_link(head.id, contents),
            counterpart.match,
            text("; ".join(counterpart.names)) + _note(counterpart),
        ]
        for head, counterpart in pairs
        if counterpart.names
    ]
    without = [(head, counterpart) for head, counterpart in pairs if not counterpart.names]
    compared = {head.id for head, _ in pairs}
    waiting = [head for head in contents.survey.head_types.values() if head.id not in compared]
    parts = [
        table(["ours", "match", "theirs"], rows, kind=NAMES) if rows else "None of our types has a name there yet."
    ]
    if without:
        listed = "".join(
            f"<li>{head_link(head.id, contents)}{_note(counterpart)}</li>\n" for head, counterpart in without
        )
        parts.append(
            f"<details><summary>{plural(len(without), 'type')} of ours without a name there</summary>\n"
            f'<ul class="columns">\n{listed}</ul>\n</details>'
        )
    if waiting:
        parts.append(f"{plural(len(waiting), 'type')} not compared yet ({inside(WANTED, 'what is missing')}).")
    return joined(parts)


def _note(counterpart: Counterpart) -> str:
    return f' <small class="quiet">{text(counterpart.note)}</small>' if counterpart.note else ""


def _depths(scheme: Scheme, contents: Contents) -> str:
    known = {name.name: name for stack in scheme.stacks for name in stack.names}
    rows = []
    for head in contents.survey.head_types.values():
        theirs: list[SchemeName | None] = [
            known[name]
            for counterpart in head.counterparts
            if counterpart.scheme == scheme.id
            for name in counterpart.names
            if name in known
        ]
        for record in contents.records_of(head.id):
            if record.found and _is_trained(record, contents):
                rows += [_depth_row(head, record, name, contents) for name in theirs or [None]]
    if not rows:
        return "No run has found heads of a type so far."
    header = ["type", "model", "heads found", "their depth", "measured beside theirs"]
    return (
        "A head in layer <i>l</i> of <i>n</i> has the depth <i>l</i> / (<i>n</i> − 1). Strokes are the heads found by "
        "our runs, the bar is what the scheme asserts. Planted models are left out: somebody chose the layer.\n\n"
        + table(header, rows, numeric=[2])
    )


def _is_trained(record: RunRecord, contents: Contents) -> bool:
    model = contents.survey.models.get(record.model)
    return record.layers > 1 and model is not None and model.source.kind != "planted"


def _depth_row(head: HeadType, record: RunRecord, name: SchemeName | None, contents: Contents) -> list[str]:
    depths = sorted(found.layer / (record.layers - 1) for found in record.found)
    inside_band = sum(name.depth[0] <= depth <= name.depth[1] for depth in depths) if name else 0
    low, high = f"{depths[0]:.2f}", f"{depths[-1]:.2f}"
    measured = low if low == high else f"{low} to {high}"
    words = f"{measured}; {inside_band} of {len(depths)} in their band" if name else measured
    return [
        inside(heads_page(head.id), text(head.name)),
        f"{text(contents.model_name(record.model))}<br><small>{badge(record.verdict)}</small>",
        str(len(depths)),
        f"{_span(*name.depth)}<br><small class='quiet'>{text(name.name)}</small>" if name else "no name there",
        f"{_strip(depths, name)}<small>{words}</small>",
    ]


def _strip(depths: Sequence[float], name: SchemeName | None) -> str:
    """A small picture of one axis; the words beside it say the same."""

    def place(depth: float) -> str:
        return f"{EDGE + depth * (WIDTH - 2 * EDGE):.1f}"

    band = ""
    if name:
        low, high = name.depth
        width = (high - low) * (WIDTH - 2 * EDGE)
        band = f'<rect class="band" x="{place(low)}" y="3" width="{width:.1f}" height="{HEIGHT - 6}"/>'
    strokes = "".join(f'<path class="stroke" d="M{place(depth)},1V{HEIGHT - 1}"/>' for depth in dict.fromkeys(depths))
    return (
        f'<svg class="depth" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">'
        f'<path class="axis" d="M{EDGE},{HEIGHT / 2:g}H{WIDTH - EDGE}"/>{band}{strokes}</svg>'
    )


def _span(low: float, high: float) -> str:
    return f"{low:.2f} to {high:.2f}"
