"""`survey models`: open models, where their weights come from, what is cached."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from survey_tools.cli.opened import ROOT
from survey_tools.cli.terminal import print_table, progress

if TYPE_CHECKING:
    from survey_tools.model_sources import ModelFiles, ModelOrigin


@click.group()
def models() -> None:
    """Open models: what there is, where the weights come from, what is cached."""


@models.command("list")
@ROOT
def list_models(root: Path | None) -> None:
    """List the models that have an entry: size, memory to load them, licence, what is cached.

    Example: survey models list
    """
    from survey_tools.model_sources import listed_models

    header = ("id", "layers x heads", "parameters", "memory", "download", "from", "licence", "cached")
    print_table(header, listed_models(_models(root)))


@models.command()
@click.argument("model")
@click.option("--accept-licence", is_flag=True, help="You accept the terms of the weights; you are asked once.")
@click.option("--device", default="cpu", show_default=True, help="Where it will be loaded, and must fit: cpu, cuda.")
@click.option("--for-another-machine", is_flag=True, help="Fetch also what the memory of this machine cannot hold.")
@ROOT
def pull(model: str, accept_licence: bool, device: str, for_another_machine: bool, root: Path | None) -> None:
    """Fetch a model, verify it and keep it in the cache; resumes where it stopped.

    Example: survey models pull smollm2-135m-instruct, survey models pull pythia-160m@step1000
    """
    from survey_tools.heads.supply.pull import pull as pull_model

    origin = _origin(model, root)
    memory = 0 if for_another_machine else origin.memory
    with progress() as say:
        folder = pull_model(
            model,
            origin.source,
            progress=say,
            licence=origin.licence,
            accept_licence=accept_licence,
            memory=memory,
            device=device,
        )
    click.echo(folder)


@models.command()
@click.argument("model")
@ROOT
def path(model: str, root: Path | None) -> None:
    """Print the folder of a cached model; exit 1 when it is not cached.

    Example: survey models path smollm2-135m-instruct
    """
    from survey_tools.heads.supply.pull import is_cached
    from survey_tools.heads.supply.pull import pull as pull_model

    source = _origin(model, root).source
    if not is_cached(model, source):
        click.echo(f"survey: {model} is not cached; `survey models pull {model}` fetches it.", err=True)
        sys.exit(1)
    click.echo(pull_model(model, source))


@models.command()
@click.argument("model")
@ROOT
def verify(model: str, root: Path | None) -> None:
    """Hash every file of a cached model; exit 1 when one is not as it was made. A damaged copy is fetched anew.

    Example: survey models verify smollm2-135m-instruct
    """
    from survey_tools.heads.supply.pull import verify as verify_model

    verify_model(model, _origin(model, root).source)
    click.echo(f"{model}: every file is as it was made")


def _origin(model: str, root: Path | None) -> ModelOrigin:
    """What has a slash is no entry, so no entries are looked for."""
    from survey_tools.model_sources import model_origin

    return model_origin(model, {} if "/" in model else _models(root))


def _models(root: Path | None) -> ModelFiles:
    from survey_tools.knowledge.root import find_root
    from survey_tools.model_sources import ModelFiles

    return ModelFiles(root or find_root())
