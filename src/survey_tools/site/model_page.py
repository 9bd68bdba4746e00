"""The page of an open model: where its weights come from, and every verdict on it."""

from __future__ import annotations

from survey_tools.knowledge.records import HubSource, OpenModel, PackageSource, PlantedSource
from survey_tools.site.contents import Contents
from survey_tools.site.elements import (
    badge,
    entry_footer,
    facts,
    head_name,
    heads_page,
    inside,
    joined,
    plural,
    table,
    tag,
)
from survey_tools.site.escape import link, text
from survey_tools.site.page import Page
from survey_tools.site.verdict_card import anchor

TIER = {"cpu": "a laptop's CPU", "gpu": "one GPU", "multi-gpu": "several GPUs"}


def model_page(model: OpenModel, contents: Contents) -> Page:
    """Facts, licence, source of the weights, and one row a head type that was run."""
    default = tag("default", "introduces") if model.default else ""
    body = joined(
        [
            f"# {text(model.name)}",
            f'<p class="crumbs">{inside("models/", "Models")} <span>›</span> {text(model.id)} {default}</p>',
            f'<p class="lead">{text(model.summary)}</p>',
            _facts(model),
            "## Weights",
            _weights(model),
            "## Verdicts",
            _verdicts(model, contents),
            entry_footer(f"models/{model.id}.yml", f"models/{model.id}.json"),
        ]
    )
    return Page(f"models/{model.id}", model.name, model.summary, body, boost=2)


def _facts(model: OpenModel) -> str:
    shape, licence = model.shape, model.licence
    terms = link(licence.url, text(licence.name)) if licence.url else text(licence.name)
    accept = " (must be accepted)" if licence.must_accept else ""
    heads = f"{shape.layers} layers × {shape.heads} heads"
    if shape.kv_heads != shape.heads:
        heads += f" ({shape.kv_heads} key-value heads)"
    return facts(
        [
            ("Heads", heads),
            ("Width", f"{shape.d_model:,}, {shape.d_head:,} a head"),
            ("Vocabulary", f"{shape.d_vocab:,}"),
            ("Context", f"{shape.context:,} tokens"),
            ("Architecture", text(shape.architecture)),
            ("Licence", terms + accept),
            ("Made from", text(model.upstream or "")),
            ("Runs on", f"{TIER[model.tier]}, {model.dtype}"),
        ]
    )


def _weights(model: OpenModel) -> str:
    source = model.source
    made = f"<p>{text(model.weights)}</p>"
    if isinstance(source, HubSource):
        listing = facts([("Repository", text(source.repo)), ("Revision", f"<code>{source.revision}</code>")])
    elif isinstance(source, PlantedSource):
        listing = facts([("Recipe", f"<code>{text(source.recipe)}</code>"), ("Seed", str(source.seed))])
    else:
        listing = _wheels(source)
    return f"{made}\n\n{listing}"


def _wheels(source: PackageSource) -> str:
    rows = [
        [
            text(wheel.name),
            text(wheel.version),
            f"<code>{text(wheel.member)}</code>",
            f"<code>{wheel.sha256[:16]}…</code>",
        ]
        for wheel in source.wheels
    ]
    listing = table(["wheel", "version", "file inside", "sha256"], rows)
    if len(rows) > 3:
        listing = f"<details><summary>{plural(len(rows), 'wheel')}, joined in order</summary>\n{listing}\n</details>"
    whole = facts([("Size", f"{source.bytes / 1e6:,.0f} MB"), ("sha256", f"<code>{source.sha256}</code>")])
    note = "Read from pinned wheels of the package index: their content is data, they are never imported."
    return f"{note}\n\n{whole}\n\n{listing}"


def _verdicts(model: OpenModel, contents: Contents) -> str:
    rows = []
    for record in contents.records_on(model.id):
        name = text(contents.head_name(record.entry))
        section = f"{heads_page(record.entry)}#{anchor(record.model)}"
        found = ", ".join(head_name(head.layer, head.head) for head in record.found)
        rows.append(
            [
                inside(section, name) if record.entry in contents.survey.head_types else name,
                badge(record.verdict),
                found or "none",
                text(record.reason),
            ]
        )
    waiting = sum(contents.verdict(entry, model.id) == "not run yet" for entry in contents.survey.head_types)
    rest = f"{plural(waiting, 'head type')} not run on this model yet."
    return (
        table(["head type", "verdict", "heads found", "why"], rows, searchable=True) + "\n\n" if rows else ""
    ) + rest
