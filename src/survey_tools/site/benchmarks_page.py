"""The survey's two tables of evaluation benchmarks, with the tasks of ours that ask the same."""

from __future__ import annotations

from survey_tools.knowledge.records import Benchmark, BenchmarkTable
from survey_tools.site.contents import Contents
from survey_tools.site.elements import entry_footer, inside, joined, plural, table, task_page_of
from survey_tools.site.escape import link, text
from survey_tools.site.page import Page

DESCRIPTION = "Benchmarks that papers on attention heads measure with, and which of them are asked here."


def benchmarks_page(contents: Contents) -> Page:
    """Both tables; a benchmark links to its paper here, else to its own place."""
    listed = contents.survey.benchmarks
    if listed is None:
        body = "# Benchmarks\n\nThe survey's benchmarks have not been written up yet."
        return Page("background/benchmarks", "Benchmarks", DESCRIPTION, body)
    every = [benchmark for one in listed.tables for benchmark in one.benchmarks]
    asked = sum(benchmark.task_here in contents.tasks for benchmark in every)
    survey = inside(f"papers/{listed.source}/", "the survey")
    body = joined(
        [
            "# Benchmarks",
            f"{text(listed.name)}: {plural(len(every), 'benchmark')} that {survey} lists; {asked} of them have a task "
            f"here that asks the same of every embedded model. How fast our own code is, and how much memory it takes, "
            f"is {inside('benchmarks/', 'another page')}.",
            *(_table(one, contents) for one in listed.tables),
            entry_footer("background/benchmarks.yml", "background/benchmarks.json"),
        ]
    )
    return Page("background/benchmarks", "Benchmarks", DESCRIPTION, body)


def _table(one: BenchmarkTable, contents: Contents) -> str:
    rows = [_row(benchmark, contents) for benchmark in one.benchmarks]
    header = ["benchmark", "kind", "what is asked", "made from", "released", "task here"]
    return joined(
        [
            f"## {text(one.name)} {{ #{one.id} }}",
            text(one.summary),
            table(header, rows, searchable=True, kind="data data--compact"),
        ]
    )


def _row(benchmark: Benchmark, contents: Contents) -> list[str]:
    name = text(benchmark.name)
    if benchmark.paper in contents.survey.papers:
        name = inside(f"papers/{benchmark.paper}/", name)
    elif benchmark.link:
        name = link(benchmark.link, name)
    note = f'<br><small class="quiet">{text(benchmark.note)}</small>' if benchmark.note else ""
    task = benchmark.task_here
    here = "–"
    if task:
        here = text(contents.task_name(task))
        here = inside(task_page_of(task), here) if task in contents.tasks else here
    return [
        f'<span id="{benchmark.id}">{name}</span>{note}',
        text(benchmark.kind),
        text(benchmark.task),
        text(benchmark.source),
        text(benchmark.released),
        here,
    ]
