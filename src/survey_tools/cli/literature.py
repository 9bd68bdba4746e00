"""`survey add`, `survey watch`, `survey new-head`: what comes into the survey, as drafts for a person to finish."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from survey_tools.cli.opened import ROOT
from survey_tools.cli.terminal import progress

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("paper", required=False)
@click.option("--bibtex", type=FILE, help="A BibTeX file with one entry; needs no network.")
@click.option("--form", type=FILE, help="The body of an issue made by the form 'Add a paper'.")
@click.option("--head", "heads", multiple=True, help="Head type the paper is about; repeatable [those it names].")
@click.option("--id", "entry_id", help="Id of the entry [made from author, year and title].")
@click.option("--unlike", multiple=True, help="Id of a paper with nearly the same title that is another; repeatable.")
@click.option("--offline", is_flag=True, help="Ask no server.")
@ROOT
def add(
    paper: str | None,
    bibtex: Path | None,
    form: Path | None,
    heads: tuple[str, ...],
    entry_id: str | None,
    unlike: tuple[str, ...],
    offline: bool,
    root: Path | None,
) -> None:
    """Draft the entry of a PAPER: arxiv:ID, doi:ID or acl:ID, or the address of its page.

    Asks arXiv, Crossref, the ACL Anthology or OpenAlex, writes papers/<id>.yml and says what to do next. A paper that
    is here already is refused.

    Example: survey add arxiv:2312.09230 --head successor
    """
    from survey_tools.knowledge.file_text import MAX_BYTES
    from survey_tools.knowledge.root import find_root
    from survey_tools.literature.add import Wanted, add_paper, wanted_by_form
    from survey_tools.literature.next_steps import next_steps

    if form and (paper or bibtex or heads or entry_id):
        raise click.UsageError("--form says everything itself: give no paper, --bibtex, --head or --id with it")
    if form:
        wanted = wanted_by_form(_read(form, MAX_BYTES), offline, unlike)
    else:
        text = _read(bibtex, MAX_BYTES) if bibtex else None
        name = bibtex.name if bibtex else ""
        wanted = Wanted(paper, text, name, heads, entry_id, unlike, offline=offline)
    click.echo(next_steps(add_paper(root or find_root(), wanted)))


@click.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First day to look at [two weeks ago].")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the drafts [build/watch].")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Drafts at most.")
@ROOT
def watch(since: datetime | None, out: Path | None, limit: int, root: Path | None) -> None:
    """Look for new papers on attention heads that are not here yet.

    Asks arXiv and OpenAlex for the names of head types, and writes drafts and issue.md, the text of an issue, into a
    folder. Nothing comes into papers/ by itself.

    Example: survey watch --since 2026-11-01
    """
    import datetime as dates

    from survey_tools.knowledge.root import find_root
    from survey_tools.literature.watch import USUAL_DAYS
    from survey_tools.literature.watch import watch as watch_literature
    from survey_tools.literature.watch_report import USUAL_FOLDER, summary, write_watch

    where = root or find_root()
    first = since.date() if since else dates.datetime.now(dates.UTC).date() - dates.timedelta(days=USUAL_DAYS)
    with progress() as say:
        watched = watch_literature(where, first, limit, say=say)
    files = write_watch(watched, out or where / USUAL_FOLDER, where)
    click.echo(summary(watched, files))


@click.command("new-head")
@click.argument("head")
@click.option("--name", help='Name of the type, such as "Name Mover Head" [made from the id].')
@click.option("--detector", is_flag=True, help="Draft its detector and a test too.")
@ROOT
def new_head(head: str, name: str | None, detector: bool, root: Path | None) -> None:
    """Draft the entry of a new head type; HEAD is its id.

    Writes head_taxonomy/<id>.yml and says what to do next. A name that is known already is refused.

    Example: survey new-head two-back --name "Two-Back Head" --detector
    """
    from survey_tools.knowledge.root import find_root
    from survey_tools.literature.new_head import new_head as draft_head

    click.echo(draft_head(root or find_root(), head, name, detector).next_steps)


def _read(file: Path, largest: int) -> str:
    """The text of a file that was named, whoever wrote it."""
    if file.stat().st_size > largest:
        raise click.UsageError(f"{file.name} is larger than {largest / 1e6:g} MB")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise click.UsageError(f"{file.name} is not UTF-8; save it as UTF-8") from None
