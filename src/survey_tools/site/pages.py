"""All files of the documentation folder, made in memory: nothing is written before everything fits together."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from survey_tools.errors import SiteError
from survey_tools.site.benchmarks_page import benchmarks_page
from survey_tools.site.circuit_page import circuit_page
from survey_tools.site.contents import Contents, ExecutedNotebook
from survey_tools.site.downloads import download_files
from survey_tools.site.emergence_page import emergence_page
from survey_tools.site.exports import export_files
from survey_tools.site.head_list import heads_index
from survey_tools.site.head_page import head_page
from survey_tools.site.home_page import home_page
from survey_tools.site.index import circuits_index, models_index
from survey_tools.site.methods_page import methods_page
from survey_tools.site.model_page import model_page
from survey_tools.site.naming_page import naming_page
from survey_tools.site.notebooks import notebook_page
from survey_tools.site.page import Page, address_of
from survey_tools.site.paper_list import papers_index
from survey_tools.site.paper_page import paper_page
from survey_tools.site.task_page import task_page
from survey_tools.site.task_table import tasks_index
from survey_tools.site.wanted_page import wanted_page
from survey_tools.site.words_pages import glossary_page, open_questions_page

MAX_LISTED = 10


def made_pages(contents: Contents, svg_cache: Path | None = None) -> list[Page]:
    """The pages made from entries and records, notebooks left out; sorted by path."""
    survey = contents.survey
    pages = [
        home_page(contents),
        heads_index(contents),
        papers_index(contents),
        models_index(contents),
        circuits_index(contents),
        tasks_index(contents),
        emergence_page(contents, svg_cache),
        methods_page(contents),
        benchmarks_page(contents),
        glossary_page(contents),
        open_questions_page(contents),
        naming_page(contents),
        wanted_page(contents),
        *(head_page(head_type, contents, svg_cache) for head_type in survey.head_types.values()),
        *(paper_page(paper, contents) for paper in survey.papers.values()),
        *(model_page(model, contents) for model in survey.models.values()),
        *(task_page(task, contents, svg_cache) for task in contents.tasks),
        *(circuit_page(circuit, contents) for circuit in survey.circuits.values()),
    ]
    return sorted(pages, key=lambda page: page.path)


def site_files(contents: Contents, hand_written: dict[str, bytes], svg_cache: Path | None = None) -> dict[str, bytes]:
    """Path in the documentation folder -> content, links within the site checked.

    Raises:
        SiteError: a page links to something that does not exist, or a hand-written file has the place of a made one.
    """
    pages = made_pages(contents, svg_cache)
    files = dict(hand_written)
    made: dict[str, bytes] = {}
    for executed in _once(contents):
        notebook = notebook_page(executed, contents)
        pages.append(notebook.page)
        made |= notebook.files
    made |= {page.file: page.markdown().encode() for page in pages}
    data = export_files(contents) | download_files(contents)
    made |= {path: content.encode() for path, content in data.items()}
    taken = sorted(files.keys() & made.keys())
    if taken:
        raise SiteError(f"docs/{taken[0]} would hide the page made from entries at the same place; rename it")
    files |= made
    _check_links(pages, files)
    return dict(sorted(files.items()))


def _once(contents: Contents) -> Iterable[ExecutedNotebook]:
    return {executed.address: executed for executed in contents.executed.values()}.values()


def _check_links(pages: Iterable[Page], files: dict[str, bytes]) -> None:
    """mkdocs checks links written in Markdown; those in HTML are checked here, before it runs."""
    addresses = {address_of(path) for path in files}
    broken = [
        f"{page.path} links to {target}"
        for page in pages
        for target in page.targets
        if target.partition("#")[0] not in addresses
    ]
    if broken:
        more = f" and {len(broken) - MAX_LISTED} more" if len(broken) > MAX_LISTED else ""
        raise SiteError(f"links to nowhere: {'; '.join(sorted(broken)[:MAX_LISTED])}{more}")
