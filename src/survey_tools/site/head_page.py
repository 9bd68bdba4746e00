"""The page of a head type: what it is, what was measured here, what papers say."""

from __future__ import annotations

from pathlib import Path

from survey_tools.exchange.jsonld import embedded, jsonld_of_head_type
from survey_tools.knowledge.records import Detection, HeadType, Planned
from survey_tools.site.browse import narrowed
from survey_tools.site.contents import Contents
from survey_tools.site.elements import (
    UNSEARCHED,
    badge,
    bullets,
    corrections,
    entry_footer,
    facts,
    first_of,
    heads_page,
    inside,
    joined,
    plan,
    plural,
    tag,
)
from survey_tools.site.emergence_page import training_section
from survey_tools.site.escape import code_block, text
from survey_tools.site.formula import formula
from survey_tools.site.links import HOW_TO_DETECTOR, WANTED, with_links
from survey_tools.site.naming_page import counterpart_words
from survey_tools.site.page import Page
from survey_tools.site.published import published_by_type
from survey_tools.site.verdict_card import anchor, measured_section


def head_page(head_type: HeadType, contents: Contents, svg_cache: Path | None = None) -> Page:
    """Everything known of one head type. Published and measured never share a heading."""
    body = joined(
        [
            f"# {text(head_type.name)}",
            _breadcrumb(head_type, contents),
            f'<p class="lead">{text(head_type.summary)}</p>',
            _at_a_glance(head_type, contents),
            _definition(head_type, contents),
            _caveats(head_type),
            "## Measured here",
            _measured(head_type, contents, svg_cache),
            "## Published",
            _published(head_type, contents),
            _papers(head_type, contents),
            _surveyed(head_type),
            _relations(head_type, contents),
            _counterparts(head_type, contents),
            _circuits(head_type, contents),
            corrections(head_type.corrections),
            embedded(jsonld_of_head_type(head_type, contents.survey, contents.site_url)),
            entry_footer(f"head_taxonomy/{head_type.id}.yml", f"heads/{head_type.id}.json"),
        ]
    )
    return Page(f"heads/{head_type.id}", head_type.name, head_type.summary, body, boost=4)


def _breadcrumb(head_type: HeadType, contents: Contents) -> str:
    parts = [inside("heads/", "Head types")]
    placed = contents.survey.place_of(head_type.id)
    staging = head_type.staging
    stage = placed.stage if placed else staging.stage if staging else None
    if stage is None:
        parts.append("outside the framework")
    else:
        name = next((known.name for known in contents.survey.framework.stages if known.id == stage), stage)
        parts.append(inside(f"#stage-{stage.lower()}", f"{text(stage)} {text(name)}"))
        category = placed.category if placed else staging.category if staging else None
        if category:
            parts.append(text(category))
    suggested = tag("stage suggested by us", "suggested") if staging and staging.suggested else ""
    return f'<p class="crumbs">{" <span>›</span> ".join(parts)} {suggested}</p>'


def _at_a_glance(head_type: HeadType, contents: Contents) -> str:
    rows = [
        f'{badge(record.verdict)} <a href="#{anchor(record.model)}">{text(contents.model_name(record.model))}</a> '
        f'<span class="quiet">{plural(len(record.found), "head")} found</span>'
        for record in contents.records_of(head_type.id)
    ]
    return bullets(rows or [f"{badge('not run yet')} on any model"], "verdicts")


def _definition(head_type: HeadType, contents: Contents) -> str:
    definition = head_type.definition
    source = head_type.definition_source
    read = f'\n\n<p class="quiet">Written from: {with_links(source, contents)}.</p>' if source else ""
    listing = facts(
        [
            ("Attends to", text(definition.attends_to)),
            ("Writes", text(definition.writes)),
            ("Formula", f'<div class="formula">{formula(definition.formula)}</div>'),
            ("Where", "" if head_type.surveyed else text(head_type.layer_distribution or "")),
            ("Also called", text("; ".join(head_type.aliases))),
        ],
        "facts facts--wide",
    )
    return f"## Definition\n\n{listing}{read}"


def _surveyed(head_type: HeadType) -> str:
    """What the framework's own survey says, apart from our words; it often says little."""
    said = head_type.surveyed
    if said is None:
        return ""
    scope = {"general": "general tasks", "specific": "one task", None: ""}[said.scope]
    named = ", ".join(NAMED_IN[place] for place in said.named_in)
    listing = facts(
        [
            ("Named in", named + (f"; group {text(said.group)}" if said.group else "")),
            ("For", f"{scope}: {text(said.task)}" if said.task else scope),
            ("Reads", text(said.input or "")),
            ("Gives", text(said.output or "")),
            ("Layers", text(head_type.layer_distribution or "")),
            ("Model families", text(", ".join(FAMILIES.get(family, family) for family in said.models))),
        ],
        "facts facts--wide",
    )
    return f"## In the survey\n\n{listing}"


def _caveats(head_type: HeadType) -> str:
    if not head_type.caveats:
        return ""
    return "## Caveats\n\n" + bullets((text(caveat) for caveat in head_type.caveats), "caveats")


def _measured(head_type: HeadType, contents: Contents, svg_cache: Path | None) -> str:
    records = contents.records_of(head_type.id)
    sections = [measured_section(record, contents, svg_cache) for record in records]
    if isinstance(head_type.detection, Planned):
        how = f"{inside(HOW_TO_DETECTOR, 'add one')}, or see {inside(f'{WANTED}#detectors', 'what else is wanted')}"
        sections.append(plan(head_type.detection.planned, f"There is no detector yet, but a plan: {how}."))
    else:
        sections.append(training_section(head_type.id, contents, svg_cache))
        sections.append(_not_run(head_type, head_type.detection, contents))
    return joined(sections)


ROLES = ("introduces", "disputes", "studies", "applies")
"""What a reader of a type's page wants first, first."""
SHOWN_PAPERS = 12
SHOWN_RELATIONS = 10
NAMED_IN = {"figure": "its figure", "text": "its text", "table": "a table", "readme": "the reading list beside it"}
FAMILIES = {"gpt": "GPT", "llama": "Llama", "qwen": "Qwen", "pythia": "Pythia", "mistral": "Mistral", "gemma": "Gemma",
            "yi": "Yi", "bert": "BERT", "toy": "toy models"}  # fmt: skip
"""Icons of the survey's figure, as names."""
NAMED = 5
"""Models named on which a type was not run; the others are only counted."""


def _not_run(head_type: HeadType, detection: Detection, contents: Contents) -> str:
    waiting = contents.not_run_on(head_type)
    if not waiting and contents.records_of(head_type.id):
        return ""
    names = ", ".join(inside(f"models/{model.id}/", text(model.name)) for model in waiting[:NAMED]) or "any model"
    if len(waiting) > NAMED:
        names += f" and {len(waiting) - NAMED} more of {inside('models/', 'the models')}"
    model = waiting[0].id if waiting else "MODEL"
    command = code_block(f"survey run {head_type.id} --model {model}", "sh")
    return (
        f"### Not run yet {{ #not-run }}\n\n{badge('not run yet')} on {names}. "
        f"Notebook <code>notebooks/{text(detection.notebook)}.py</code>, "
        f"detector <code>{text(detection.detector)}</code>:\n\n{command}"
    )


def _published(head_type: HeadType, contents: Contents) -> str:
    heads = contents.survey.published_heads(head_type.id)
    if not heads:
        return "No paper in this survey names concrete heads of an open model for this type."
    papers = len({paper for paper, _ in heads})
    return (
        f"{plural(len(heads), 'head')} named in {plural(papers, 'paper')}, counted from zero. "
        f"These are the papers' statements, not our measurements.\n\n{published_by_type(heads, contents)}"
    )


def _papers(head_type: HeadType, contents: Contents) -> str:
    rows = []
    uses = contents.survey.papers_of(head_type.id)
    for paper, use in sorted(uses, key=lambda pair: ROLES.index(pair[1].role)):
        called = f" as <q>{text(use.name_used)}</q>" if use.name_used else ""
        rows.append(
            f"{tag(use.role, use.role)} {inside(f'papers/{paper.id}/', text(paper.title))} "
            f'<span class="quiet">{text(paper.published[:4])}{called}</span>'
        )
    if not rows:
        return f"### Papers {UNSEARCHED}\n\nNone yet."
    narrow = (
        narrowed("papers/", "The same in the list of papers", type=head_type.id) if len(rows) > SHOWN_PAPERS else ""
    )
    return joined([f"### Papers {UNSEARCHED}", first_of(rows, SHOWN_PAPERS, "papers"), narrow])


def _relations(head_type: HeadType, contents: Contents) -> str:
    rows = []
    for related in contents.survey.relations_of(head_type.id):
        note = f' <span class="quiet">{text(related.note)}</span>' if related.note else ""
        known = related.id in contents.survey.head_types
        name = text(contents.head_name(related.id))
        rows.append(
            f"{text(related.words)} <strong>{inside(heads_page(related.id), name) if known else name}</strong>.{note}"
        )
    return f"## Relations {UNSEARCHED}\n\n" + first_of(rows, SHOWN_RELATIONS, "relations") if rows else ""


def _counterparts(head_type: HeadType, contents: Contents) -> str:
    rows = [counterpart_words(counterpart, contents) for counterpart in head_type.counterparts]
    return f"## In other schemes {UNSEARCHED}\n\n" + bullets(rows, "relations") if rows else ""


def _circuits(head_type: HeadType, contents: Contents) -> str:
    rows = []
    for circuit in contents.survey.circuits_of(head_type.id):
        heads = [name for group in circuit.heads if group.head_type == head_type.id for name in group.heads]
        name = inside(f"circuits/{circuit.id}/", text(circuit.name))
        listed = f": {text(', '.join(heads))}" if heads else ""
        rows.append(f"{name} in {text(circuit.model)}{listed}")
    return "## Circuits\n\n" + bullets(rows, "plain") if rows else ""
