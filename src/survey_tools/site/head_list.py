"""The list of head types: by stage, narrowed by where the stage is from, by detector and by verdict."""

from __future__ import annotations

from survey_tools.knowledge.records import Detection, HeadType
from survey_tools.site.browse import Filter, Item, Listing
from survey_tools.site.contents import Contents
from survey_tools.site.elements import VERDICTS, badge, bullets, heads_page, inside, joined, plural, tag
from survey_tools.site.escape import text
from survey_tools.site.page import Page

PLACES = {
    "framework": "placed by the framework",
    "suggested": "suggested by us",
    "outside": "outside the four stages",
}
DETECTORS = {"here": "a detector here", "planned": "a detector planned"}
OUTSIDE = "outside"


def heads_index(contents: Contents) -> Page:
    """All head types, by stage: the framework's own first, in its order, then those we put there."""
    survey = contents.survey
    groups = []
    for stage in survey.framework.stages:
        placed = [head for category in stage.categories for head in category.heads if head in survey.head_types]
        heading = f'## {stage.id} {text(stage.name)}\n\n<p class="quiet">{text(stage.summary)}</p>'
        types = [*(survey.head_types[head] for head in placed), *suggested_in(stage.id, contents)]
        groups.append((heading, tuple(_item(head, contents) for head in types)))
    left = tuple(_item(head, contents) for head in outside(contents))
    groups.append(("## Outside the framework", left))
    listing = Listing(
        what=("head type", "head types"),
        filters=_filters(contents),
        groups=tuple(groups),
        placeholder="name, alias, what it does",
    )
    body = joined(["# Head types", _lead(contents), listing.html(), _wanted(contents)])
    return Page("heads/index", "Head types", "Every kind of attention head in this survey.", body)


def suggested_in(stage: str, contents: Contents) -> list[HeadType]:
    """Types for which we suggest a stage; those that were run first."""
    ours = [head for head in contents.survey.head_types.values() if contents.place_of(head) == (stage, "suggested")]
    return sorted(ours, key=lambda head: (not contents.records_of(head.id), head.name.casefold()))


def outside(contents: Contents) -> list[HeadType]:
    """Types without any stage, those that were run first."""
    ours = [head for head in contents.survey.head_types.values() if contents.place_of(head)[1] == "outside"]
    return sorted(ours, key=lambda head: (not contents.records_of(head.id), head.name.casefold()))


def by_model(head: str, contents: Contents) -> str:
    """One verdict a model that ran; nothing when none did."""
    items = "".join(
        f'<li>{badge(record.verdict)} <span class="quiet">{text(contents.model_name(record.model))}</span></li>'
        for record in contents.records_of(head)
    )
    return f'<ul class="by-model">{items}</ul>' if items else ""


def _lead(contents: Contents) -> str:
    heads = contents.survey.head_types.values()
    detectors = sum(isinstance(head.detection, Detection) for head in heads)
    return (
        f"{plural(len(heads), 'type')}, {detectors} with a detector; "
        f"{inside('background/wanted/#detectors', 'the others wait for one')}. "
        f"A verdict belongs to one model; verdicts are never rolled up. "
        f"What others call a type: {inside('background/naming/', 'naming')}."
    )


def _filters(contents: Contents) -> tuple[Filter, ...]:
    stages: dict[str, str] = {stage.id: f"{stage.id} {stage.name}" for stage in contents.survey.framework.stages}
    return (
        Filter("stage", "Stage", {**stages, OUTSIDE: "none of the four"}),
        Filter("place", "Stage from", PLACES),
        Filter("detector", "Detector", DETECTORS),
        Filter("verdict", "Verdict", {_slug(verdict): verdict for verdict in VERDICTS}),
    )


def _slug(verdict: str) -> str:
    return verdict.replace(" ", "-")


def _item(head: HeadType, contents: Contents) -> Item:
    survey = contents.survey
    stage, place = contents.place_of(head)
    placed = survey.place_of(head.id)
    detector = isinstance(head.detection, Detection)
    verdicts = by_model(head.id, contents)
    values = {
        "stage": (stage or OUTSIDE,),
        "place": (place,),
        "detector": ("here" if detector else "planned",),
        "verdict": tuple(dict.fromkeys(_slug(record.verdict) for record in contents.records_of(head.id)))
        or (_slug("not run yet"),),
    }
    tags = tag("suggested", "suggested") if place == "suggested" else ""
    named = len(survey.published_heads(head.id))
    facts = [
        text(placed.category) if placed else "",
        plural(len(survey.papers_of(head.id)), "paper"),
        f"{plural(named, 'head')} named" if named else "",
        "" if detector else "no detector yet",
    ]
    meta = " · ".join(fact for fact in facts if fact)
    html = (
        f"{inside(heads_page(head.id), text(head.name))} {tags}<small>{text(head.summary)}</small>"
        f"<small>{meta}</small>{verdicts}"
    )
    others = [name for counterpart in head.counterparts for name in counterpart.names]
    return Item(html, values, " ".join((*head.aliases, *others)))


def _wanted(contents: Contents) -> str:
    survey = contents.survey
    wanted = [head for head in survey.framework.awaited if head not in survey.head_types]
    if not wanted:
        return ""
    names = (f"{text(contents.head_name(head))} {tag('wanted', 'wanted')}" for head in wanted)
    note = f"The framework names these; nobody has written them up yet ({inside('contributing/', 'how to')})."
    return joined(["## Wanted", note, bullets(names, "columns")])
