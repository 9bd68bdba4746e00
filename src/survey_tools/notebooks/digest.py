"""What decides whether a record is stale: a digest of everything that can change its numbers, part by part.

notebook    the script's code. Prose is left out, so that a better explanation costs no rerun, and so is the
            `parameters` cell: its effect is in `parameters`
parameters  the values a run works with: the notebook's defaults, the entry's own in their place
model       which weights: their hash, pinned revision or recipe, and the dtype they are run in
code        the package's modules that the notebook reaches
detector    the entry's detector and what it alone reaches, beyond `code`

Source is compared as syntax, so comments, formatting and docstrings do not count. Library versions are
recorded, not digested: a new torch does not refute a record, and `survey status` shows the difference.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from survey_tools.errors import NotebookError
from survey_tools.knowledge.lookup import did_you_mean
from survey_tools.knowledge.records import HubSource, OpenModel, TrainedSource
from survey_tools.knowledge.records import PackageSource as WheelSource
from survey_tools.notebooks.reach import DETECTORS, PACKAGE, Module, PackageSource, installed, is_detector
from survey_tools.notebooks.source import NotebookSource, Parameter

PART_LENGTH = 16
"""Hexadecimal digits kept of a part's hash: 64 bits tell versions of one file apart; the whole digest is full."""
NOT_COMPARED = frozenset({"out", "entries", "model", "device"})
"""Parameters without influence on an entry's numbers, or (the model) with a part of their own."""


def digest_parts(
    notebook: NotebookSource,
    parameters: Mapping[str, Parameter],
    model: OpenModel,
    detector: str,
    package: PackageSource | None = None,
) -> dict[str, str]:
    """The parts of one entry's digest; `parameters` are all of the run's, defaults included.

    Raises NotebookError when there is no such detector, or a reached module is not Python.
    """
    package = package or installed()
    script = package.read(str(notebook.path), _without_parameters(notebook))
    roots = [name for name in script.imports if not is_detector(name)]
    if model.source.kind == "planted":
        roots.append(f"{PACKAGE}.heads.planted")  # the weights are what this code makes
    compared = {name: value for name, value in parameters.items() if name not in NOT_COMPARED}
    code = package.reached(*roots)
    own = [module for module in package.reached(_detector_module(detector, package)) if module not in code]
    return {
        "notebook": short(script.normal),
        "parameters": short(json.dumps(compared, sort_keys=True)),
        "model": short(named_weights(model)),
        "code": short(joined(code)),
        "detector": short(joined(own)),
    }


def digest(parts: Mapping[str, str]) -> str:
    """One sha256 (hexadecimal) of all parts."""
    return hashlib.sha256(json.dumps(dict(parts), sort_keys=True).encode()).hexdigest()


def changed_parts(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the parts that differ, sorted."""
    return tuple(sorted(name for name in {*old, *new} if old.get(name) != new.get(name)))


def short(text: str) -> str:
    """The first digits of a text's sha256."""
    return hashlib.sha256(text.encode()).hexdigest()[:PART_LENGTH]


def joined(modules: Iterable[Module]) -> str:
    """Modules as one text, names and normalised source."""
    return json.dumps([(module.name, module.normal) for module in modules])


def _without_parameters(notebook: NotebookSource) -> str:
    first, last = notebook.parameter_lines
    lines = notebook.text.splitlines()
    return "\n".join([*lines[: first - 1], *[""] * (last - first + 1), *lines[last:]])


def named_weights(model: OpenModel) -> str:
    """What names the weights of a model, and the dtype they are run in."""
    source = model.source
    if isinstance(source, WheelSource):
        pinned = f"{source.format} {source.sha256}"
    elif isinstance(source, HubSource):
        pinned = f"{source.repo} {source.revision}"
    elif isinstance(source, TrainedSource):
        pinned = f"{source.recipe} {source.seed} {source.sha256}"
    else:
        pinned = f"{source.recipe} {source.seed}"
    return f"{source.kind} {pinned} {model.dtype}"


def _detector_module(detector: str, package: PackageSource) -> str:
    module = f"{DETECTORS}.{detector.replace('-', '_')}"
    if package.path_of(module) is None:
        folder = package.folder / "heads" / "detectors"
        known = {path.stem.replace("_", "-") for path in folder.glob("[!_]*.py")}
        hint = did_you_mean(detector, known) or "there are: " + ", ".join(sorted(known))
        raise NotebookError(f"detector '{detector}' has no file {folder.name}/{module.rpartition('.')[2]}.py; {hint}")
    return module
