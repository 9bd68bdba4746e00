"""The page of an open model: where its weights come from, what it can do, and every verdict on it."""

from __future__ import annotations

from survey_tools.knowledge.records import HubSource, OpenModel, PackageSource, PlantedSource, TrainedSource
from survey_tools.site.appearance import universal
from survey_tools.site.contents import Contents
from survey_tools.site.elements import (
    ABILITIES,
    UNSEARCHED,
    badge,
    bullets,
    entry_footer,
    facts,
    head_name,
    heads_page,
    inside,
    joined,
    measured,
    measured_interval,
    plural,
    table,
    tag,
    task_page_of,
)
from survey_tools.site.emergence_page import appearances, family_anchor
from survey_tools.site.escape import code_block, link, text
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
            f"## Weights {UNSEARCHED}",
            _weights(model),
            _abilities(model.id, contents),
            _training(model, contents),
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
            ("Parameters", f"{model.parameters:,}" if model.parameters else ""),
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
        listing = facts(
            [
                ("Repository", text(source.repo)),
                ("Revision", f"<code>{source.revision}</code>"),
                ("Checkpoints", _checkpoints(source)),
            ]
        )
    elif isinstance(source, PlantedSource):
        listing = facts([("Recipe", f"<code>{text(source.recipe)}</code>"), ("Seed", str(source.seed))])
    elif isinstance(source, TrainedSource):
        listing = _trained(source)
    else:
        listing = _wheels(source)
    return f"{made}\n\n{listing}"


def _checkpoints(source: HubSource) -> str:
    if source.checkpoints is None:
        return ""
    steps = source.checkpoints.all_steps
    known = f"{plural(len(steps), 'state')} of its training, from step {steps[0]:,} to step {steps[-1]:,}"
    return f"{known} ({link(source.checkpoints.source, 'published by its makers')})"


def _trained(source: TrainedSource) -> str:
    command = code_block(f"survey train {source.recipe} --seed {source.seed}", "sh")
    packed = "They come with the package" if source.sha256 else "They do not come with the package"
    listing = facts(
        [
            ("Recipe", f"<code>{text(source.recipe)}</code>"),
            ("Seed", str(source.seed)),
            ("sha256", f"<code>{source.sha256}</code>" if source.sha256 else ""),
        ]
    )
    return f"{packed}; this trains them from nothing:\n\n{command}\n\n{listing}"


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


def _abilities(model: str, contents: Contents) -> str:
    """What it makes of each task; nothing when it was never asked."""
    cells = contents.cells_on(model)
    if not cells:
        return ""
    rows = [
        [
            inside(f"{task_page_of(cell.task)}#{anchor(model)}", text(contents.task_name(cell.task))),
            badge(cell.verdict),
            measured(cell.value, cell.unit),
            measured_interval(cell.interval, cell.unit),
            measured(cell.needed, cell.unit),
            f"{cell.items:,}",
        ]
        for cell in cells
        if cell.value is not None
    ]
    counts = {word: sum(cell.verdict == word for cell in cells) for word in ABILITIES}
    lead = ", ".join(f"{badge(word)} × {count}" for word, count in counts.items() if count)
    header = ["task", "behaviour", "value", "95 % interval", "needed", "items"]
    reasons = bullets(
        f"{inside(task_page_of(cell.task), text(contents.task_name(cell.task)))}: {text(cell.reason)}"
        for cell in cells
        if cell.value is None
    )
    rest = f"<details><summary>Tasks that do not apply</summary>\n{reasons}\n</details>" if reasons else ""
    probed = any(cell.reading == "probe" for cell in cells)
    note = "As an encoder it expects no next token: these are read through a linear probe on its mean output."
    return joined(
        [
            "## What it can do",
            f"<p>{lead}: {inside('tasks/', 'all models side by side')}.</p>",
            note if probed else "",
            table(header, rows, numeric=range(2, len(header))) if rows else "",
            rest,
        ]
    )


def _training(model: OpenModel, contents: Contents) -> str:
    if model not in contents.families:
        return ""
    rows = [
        f"{inside(f'emergence/#{family_anchor(model.id, entry)}', text(contents.head_name(entry)))}: "
        f"{text(universal(appearances(entry, model.id, contents)))}"
        for entry in contents.types_in_training(model.id)
    ]
    where = inside(f"emergence/#{family_anchor(model.id)}", "Its training, with the losses")
    return f"## While it was trained\n\n{bullets([*rows, f'{where}.'])}"


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
