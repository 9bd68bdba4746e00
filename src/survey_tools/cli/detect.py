"""`survey detect`: any open model, any head type; a table in the terminal, a file to keep."""

from __future__ import annotations

import pkgutil
import shlex
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from survey_tools.cli.memory import say_and_require, shape_before_loading
from survey_tools.cli.terminal import Say, print_measurements, progress
from survey_tools.errors import DetectionError

if TYPE_CHECKING:
    from survey_tools.heads.detector import Detector
    from survey_tools.heads.models import LoadedModel
    from survey_tools.heads.settings import Settings
    from survey_tools.results.records import Environment, Measurement

DTYPES = ("float32", "bfloat16", "float16")
DETECTORS = Path(__file__).parents[1] / "heads" / "detectors"
HEAD_TYPES = ", ".join(sorted(file.name.replace("_", "-") for file in pkgutil.iter_modules([str(DETECTORS)])))
"""Those of `detector_ids()`, from the names of the files: a help text must not wait for PyTorch."""


@click.command()
@click.argument("model")
@click.option(
    "--head",
    "heads",
    multiple=True,
    help=f"Head type, repeatable: {HEAD_TYPES}, or one that another installed package brings. [default: all]",
)
@click.option("--detector", "files", multiple=True, type=click.Path(path_type=Path), help="A detector file of yours.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--dtype", type=click.Choice(DTYPES), help="[default: what the model's entry says, else float32]")
@click.option("--seed", default=0, show_default=True)
@click.option("--accept-licence", is_flag=True, help="You accept the terms of the model's weights.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a report: x.html (a page), x.json (all numbers) or x.parquet (a row for every head).",
)
def detect(
    model: str,
    heads: tuple[str, ...],
    files: tuple[Path, ...],
    device: str,
    dtype: str | None,
    seed: int,
    accept_licence: bool,
    out: Path | None,
) -> None:
    """Look for attention heads in any open model: an id, owner/name of a hub, or a folder.

    What it will take in memory is said before anything is loaded. Where all head types are looked for, one that
    cannot be put to the model is named with the reason; one that is asked for by name must be looked for.

    Example: survey detect smollm2-135m-instruct --head induction --out heads.html
    """
    from survey_tools.report import RunFacts, require_format, write_report

    if out:
        require_format(out)
    with progress() as say:
        say("starting")
        from survey_tools import api

        api.require_device(device)
        asked, own = _detectors(heads, files)
        settings = api.Settings(seed=seed)
        shape = shape_before_loading(model, accept_licence, say, device)
        dtype = dtype or _dtype_of(model)
    if shape:
        say_and_require(model, shape, settings, device, dtype)
    started = time.monotonic()
    with progress() as say:
        say(f"loading {model}")
        loaded = api.load_model(model, device=device, dtype=dtype, accept_licence=accept_licence, progress=say)
        unfit: dict[str, str] = {}
        if heads or files:
            measurements = api.detect(loaded, [*asked, *own], settings, say)
        else:
            measurements, unfit = _detect_what_can_be(loaded, asked, settings, say)
    print_measurements(measurements)
    for head, reason in unfit.items():
        click.echo(f"{head}: not looked for: {reason}", err=True)
    if out:
        options = {"--device": device, "--dtype": dtype, "--seed": str(seed), "--out": out.name}
        looked_for = [detector.id for detector in asked if detector.id not in unfit]
        command = _command(loaded, looked_for, files, options)
        write_report(out, measurements, RunFacts(command, _environment(loaded, time.monotonic() - started)))
        click.echo(f"\nwritten: {out}")


def _detectors(heads: Sequence[str], files: Sequence[Path]) -> tuple[list[Detector], list[Detector]]:
    """Those asked for by id (all, where nothing is asked for), and those of files."""
    from survey_tools.api import known_detectors
    from survey_tools.heads.detectors import detector_from_file, load_detector

    own = [detector_from_file(path) for path in files]
    ids = heads or (() if own else known_detectors())
    return [load_detector(head) for head in ids], own


def _dtype_of(model: str) -> str:
    """What the entry of the model says, as `load_model` has it; float32 where there is none."""
    from survey_tools.knowledge.survey import load_survey

    entry = None if "/" in model else load_survey().models.get(model)
    return entry.dtype if entry else "float32"


def _detect_what_can_be(
    model: LoadedModel, detectors: Sequence[Detector], settings: Settings, say: Say
) -> tuple[list[Measurement], dict[str, str]]:
    """Measurements in the order of the detectors, and for the types that could not be looked for the reason.

    Method by method: what one type of a method lacks here (words in the vocabulary, room in the context) all of its
    types lack. Raises DetectionError when nothing could be looked for.
    """
    from survey_tools import api
    from survey_tools.heads.detect import by_method

    measured: dict[str, Measurement] = {}
    unfit: dict[str, str] = {}
    for group in by_method(detectors):
        ids = [detector.id for detector in group]
        try:
            measured |= zip(ids, api.detect(model, group, settings, say), strict=True)
        except DetectionError as error:
            unfit |= dict.fromkeys(ids, str(error))
    if not measured:
        raise DetectionError(" ".join(dict.fromkeys(unfit.values())))
    return [measured[detector.id] for detector in detectors if detector.id in measured], unfit


def _command(model: LoadedModel, heads: Sequence[str], files: Sequence[Path], options: dict[str, str]) -> str:
    """What repeats the run exactly: head types by name, and a hub's model with the revision that was taken.

    A detector's file goes without its folder, which is one of this machine.
    """
    from survey_tools.heads.models import HubSource

    source = model.source
    name = f"{source.repo}@{source.revision}" if isinstance(source, HubSource) and source.revision else model.id
    words = ["survey", "detect", name]
    words += [word for head in heads for word in ("--head", head)]
    words += [word for path in files for word in ("--detector", path.name)]
    return shlex.join([*words, *(word for pair in options.items() for word in pair)])


def _environment(model: LoadedModel, seconds: float) -> Environment:
    from survey_tools.notebooks.environment import installed_versions
    from survey_tools.results.records import Environment

    parameter = next(model.network.parameters())
    return Environment(
        device=str(parameter.device.type),
        dtype=str(parameter.dtype).removeprefix("torch."),
        versions=installed_versions(),
        seconds=round(seconds, 1),
        peak_memory_mb=_peak_memory_mb(),
        finished=datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def _peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MiB."""
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)  # bytes there, KiB on Linux
