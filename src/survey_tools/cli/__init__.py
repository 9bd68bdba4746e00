"""The command line: parse, one library call, print. The only place that turns errors into exit codes.

Exit codes: 0 done; 1 problems found, or a run failed; 2 the command cannot be carried out as given. One module a
group of commands; add yours to the list at the end. Nothing heavy is imported before a command is chosen.
"""

from __future__ import annotations

import os
from typing import Any

import click

from survey_tools import __version__
from survey_tools.cli.bench import bench
from survey_tools.cli.changes import changes
from survey_tools.cli.detect import detect
from survey_tools.cli.entries import check, run, status
from survey_tools.cli.exchange import export_command, import_group
from survey_tools.cli.literature import add, new_head, watch
from survey_tools.cli.models import models
from survey_tools.cli.release import release
from survey_tools.cli.site import site
from survey_tools.cli.tasks import tasks
from survey_tools.cli.train import emergence, train
from survey_tools.errors import KnowledgeError, SurveyError


class _Commands(click.Group):
    """Prints an error of ours as one sentence; anything else is a bug and keeps its traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KnowledgeError as error:
            click.echo(f"survey: {error}", err=True)
            if error.problems:
                click.echo("survey: `survey check` lists every problem with its place.", err=True)
            context.exit(2)
        except SurveyError as error:
            click.echo(f"survey: {error}", err=True)
            context.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="survey")
def main() -> None:
    """A living survey of attention heads.

    Example: survey detect smollm2-135m-instruct --head induction
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads in one process ran slower than one
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


for command in (
    check,
    status,
    run,
    detect,
    tasks,
    models,
    site,
    bench,
    train,
    emergence,
    add,
    watch,
    new_head,
    export_command,
    import_group,
    changes,
    release,
):
    main.add_command(command)
