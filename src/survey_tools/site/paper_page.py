"""The page of a paper: what it says, in which heads, and whether our runs agree."""

from __future__ import annotations

from survey_tools.exchange.jsonld import embedded, jsonld
from survey_tools.knowledge.bibliography import PAGES, bibtex
from survey_tools.knowledge.records import Claim, Paper, Planned, Reproduction
from survey_tools.site.contents import Contents
from survey_tools.site.elements import (
    UNSEARCHED,
    badge,
    bullets,
    corrections,
    entry_footer,
    facts,
    heads_page,
    inside,
    joined,
    number,
    plan,
    plural,
    table,
    tag,
    task_page_of,
)
from survey_tools.site.escape import code_block, link, text
from survey_tools.site.links import HOW_TO_PAPER, WANTED, method_link
from survey_tools.site.page import Page
from survey_tools.site.paper_list import KINDS, RELEVANCE
from survey_tools.site.published import published_by_paper
from survey_tools.site.verdict_card import anchor

MENUS = ("Links", "Kind", "Stages", "Methods", "Asked here")
"""What the list of papers is narrowed by, so the search index need not hold it once a paper."""
SOURCES = ("Summary from", "Date from", "Confirmed in", "Listed in")
DATE_SOURCE = {
    "readme": "the reading list beside the survey",
    "arxiv-v1": "first arXiv version",
    "arxiv-month": "the arXiv id, which holds the month",
    "venue": "the venue",
    "openreview": "the OpenReview page",
    "memory": "not checked",
}
RESOLVERS = {"arxiv": "arXiv", "doi": "DOI", "acl": "ACL", "openreview": "OpenReview"}


def paper_page(paper: Paper, contents: Contents) -> Page:
    """Everything the survey holds on one paper; what is missing is said."""
    body = joined(
        [
            f"# {text(paper.title)}",
            f'<p class="crumbs">{inside("papers/", "Papers")} <span>›</span> {text(paper.id)}</p>',
            _facts(paper, contents),
            _summary(paper),
            _head_types(paper, contents),
            _claims(paper),
            _published(paper, contents),
            _reproduction(paper, contents),
            _missing(paper),
            corrections(paper.corrections),
            embedded(jsonld(paper, contents.survey, contents.site_url)),
            f"## Cite {UNSEARCHED}\n\n" + code_block(bibtex(paper), "bibtex"),
            entry_footer(f"papers/{paper.id}.yml", f"papers/{paper.id}.json"),
        ]
    )
    description = paper.summary.innovation if paper.summary else f"{paper.title} ({paper.published[:4]})"
    return Page(f"papers/{paper.id}", paper.title, description, body, boost=2)


def _facts(paper: Paper, contents: Contents) -> str:
    ids = " · ".join(
        f"{RESOLVERS[kind]} {link(PAGES[kind].format(value), text(value))}" for kind, value in paper.ids if value
    )
    named = [(name, address) for name, address in paper.links if address and name != "other"]
    links = " · ".join(link(address, name) for name, address in [*named, *(("more", a) for a in paper.links.other)])
    stages: dict[str, str] = {stage.id: stage.name for stage in contents.survey.framework.stages}
    about = [f"{stage} {text(stages[stage])}" for stage in contents.survey.stages_of(paper)] + [
        f"{stage} {text(stages[stage])} {tag('suggested by us', 'suggested')}"
        for stage in contents.suggested_stages(paper)
    ]
    about_it = facts(
        [
            ("Authors", text(", ".join(paper.authors)) or "not confirmed"),
            ("Published", text(paper.published)),
            ("Venue", text(paper.venue or "")),
            ("Ids", ids),
            ("Links", links),
            ("Kind", f"{KINDS[paper.kind]}, {RELEVANCE[paper.relevance]}"),
            ("Stages", ", ".join(about)),
            ("Methods", ", ".join(method_link(method, contents) for method in contents.methods_of(paper))),
            ("Models", text(", ".join(paper.models))),
            ("Tasks", text("; ".join(paper.tasks))),
            ("Asked here", _asked(paper, contents)),
        ],
        unsearched=MENUS,
    )
    return about_it + "\n\n" + _sources(paper, contents)


def _sources(paper: Paper, contents: Contents) -> str:
    """What the page rests on: what was read, where title and date were confirmed, which earlier list holds it."""
    return facts(
        [
            ("Summary from", text(paper.summary_source or "")),
            ("Date from", DATE_SOURCE[paper.date_source]),
            ("Confirmed in", text(paper.confirmed_in or "")),
            ("Listed in", _listed(paper, contents)),
        ],
        "facts facts--small facts--sources",
        unsearched=SOURCES,
    )


def _listed(paper: Paper, contents: Contents) -> str:
    """Earlier lists that hold the paper; nothing for those that none holds."""
    survey = inside(f"papers/{contents.survey.framework.source}/", "the bibliography of the survey")
    names = {"awesome-attention-heads": "the reading list Awesome-Attention-Heads", "zheng-2024-survey": survey}
    return ", ".join(names[one] for one in paper.listed_in)


def _asked(paper: Paper, contents: Contents) -> str:
    """Tasks of ours that come from the paper."""
    tasks = [task for task in contents.tasks if any(cell.source == paper.id for cell in contents.cells_of(task))]
    return ", ".join(inside(task_page_of(task), text(contents.task_name(task))) for task in tasks)


def _summary(paper: Paper) -> str:
    if paper.summary is None:
        return (
            f"## Summary\n\n{tag('summary wanted', 'wanted')} Nobody has summed this paper up yet. "
            f"{inside(HOW_TO_PAPER, 'Three sentences')} are enough."
        )
    listing = facts(
        [
            ("New", text(paper.summary.innovation)),
            ("Method", text(paper.summary.method)),
            ("Result", text(paper.summary.result)),
        ],
        "facts facts--wide",
    )
    return f"## Summary\n\n{listing}"


def _head_types(paper: Paper, contents: Contents) -> str:
    rows = []
    for use in paper.head_types:
        name = text(contents.head_name(use.id))
        known = use.id in contents.survey.head_types
        called = f' <span class="quiet">as <q>{text(use.name_used)}</q></span>' if use.name_used else ""
        rows.append(f"{tag(use.role, use.role)} {inside(heads_page(use.id), name) if known else name}{called}")
    return "## Head types\n\n" + (bullets(rows, "papers") or "None of this survey's types.")


def _claims(paper: Paper) -> str:
    if not paper.claims:
        return ""
    rows = []
    for claim in paper.claims:
        heads = f' <br><span class="quiet">{text(", ".join(claim.heads))}</span>' if claim.heads else ""
        rows.append(
            [
                text(claim.statement) + heads,
                text(claim.model or "–"),
                text(claim.metric),
                _value(claim),
                text(claim.where),
            ]
        )
    return f"## Claims {UNSEARCHED}\n\n" + table(["claim", "model", "metric", "value", "where"], rows)


def _value(claim: Claim) -> str:
    if claim.value is None:
        return "–"
    shown = number(claim.value) if isinstance(claim.value, float) else text(claim.value)
    return shown + (f" ± {number(claim.tolerance)}" if claim.tolerance is not None else "")


def _published(paper: Paper, contents: Contents) -> str:
    if not paper.heads:
        return ""
    return (
        f"## Published heads\n\n{plural(len(paper.heads), 'head')}, counted from zero, as the paper or its code names "
        f"them.\n\n{published_by_paper(paper.id, paper.heads, contents)}"
    )


def _reproduction(paper: Paper, contents: Contents) -> str:
    title = f"## Measured here {UNSEARCHED}\n\n"
    if isinstance(paper.reproduction, Planned):
        more = inside(f"{WANTED}#reproductions", "what else is wanted")
        return title + plan(paper.reproduction.planned, f"There is no notebook yet, but a plan (see {more}).")
    if not isinstance(paper.reproduction, Reproduction):
        return f"{title}Not reproduced by a notebook: {text(paper.reproduction.not_reproducible)}"
    notebook = paper.reproduction.notebook
    records = contents.records_for(paper)
    if not records:
        return f"{title}{badge('not run yet')} Notebook <code>notebooks/{text(notebook)}.py</code>."
    rows = []
    for record in records:
        executed = contents.executed.get(record.run_id)
        name = text(contents.head_name(record.entry))
        section = f"{heads_page(record.entry)}#{anchor(record.model)}"
        rows.append(
            [
                inside(section, name) if record.entry in contents.survey.head_types else name,
                text(contents.model_name(record.model)),
                badge(record.verdict),
                text(record.reason),
                inside(executed.address, "notebook") if executed else "not in this build",
            ]
        )
    listing = table(["head type", "model", "verdict", "why", "run"], rows, searchable=True)
    return (
        f"{title}Notebook <code>notebooks/{text(notebook)}.py</code>, on the models of this survey. "
        f"They need not be the paper's own.\n\n{listing}"
    )


def _missing(paper: Paper) -> str:
    if not paper.missing:
        return ""
    return f"## Not confirmed {UNSEARCHED}\n\n" + bullets((text(field) for field in paper.missing), "plain")
