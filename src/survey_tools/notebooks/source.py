"""A notebook's script, read before anything runs: jupytext's percent format, one `parameters` cell.

Papermill forgives what must not be forgiven here. A script whose header lacks `extension: .py` is taken for
another format, its parameters are injected above the defaults, and the run succeeds with the defaults. An
unknown parameter is a warning. So all of it is checked here, with line numbers and without jupytext.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from survey_tools.errors import NotebookError
from survey_tools.knowledge.lookup import did_you_mean

Scalar: TypeAlias = str | int | float | bool
Parameter: TypeAlias = Scalar | list[Scalar]

GIVEN = ("model", "entries", "seed", "out")
"""Parameters that every notebook has and the runner fills in."""
HEADER_EXPECTED = {
    ("jupyter", "jupytext", "text_representation", "extension"): ".py",
    ("jupyter", "jupytext", "text_representation", "format_name"): "percent",
    ("jupyter", "kernelspec", "name"): "python3",
}
MARKER = re.compile(r"# %%(\s|$)")
PARAMETERS_TAG = re.compile(r"""tags\s*=\s*\[[^\]]*["']parameters["'][^\]]*\]""")


@dataclass(frozen=True)
class NotebookSource:
    """A checked script."""

    path: Path
    text: str
    parameters: dict[str, Parameter]
    """Name -> default, in the script's order."""
    parameter_lines: tuple[int, int]
    """First and last line of the `parameters` cell, 1-based, marker included."""

    @property
    def id(self) -> str:
        """The file's name without `.py`, as entries name it."""
        return self.path.stem


def read_notebook(path: Path) -> NotebookSource:
    """Read and check a script. Raises NotebookError with path and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotebookError(f"{path}: cannot be read as text: {error}") from error
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise NotebookError(f"{path}:{error.lineno}: is not Python: {error.msg}") from error
    _check_header(path, text)
    first, last = _parameter_lines(path, text)
    return NotebookSource(path, text, _defaults(path, tree, first, last), (first, last))


def parameters_of(script: Path) -> dict[str, Parameter]:
    """The defaults of a script's `parameters` cell. Raises NotebookError when the script is malformed."""
    return read_notebook(script).parameters


def check_parameters(source: NotebookSource, given: Mapping[str, object]) -> dict[str, Parameter]:
    """All parameters of a run: the defaults with `given` in their place, a float's whole number made a float.

    Raises NotebookError for a name the notebook does not have and for a value of another type than the default.
    """
    checked = dict(source.parameters)
    problems = []
    for name, value in given.items():
        if name not in source.parameters:
            hint = did_you_mean(name, source.parameters) or "it has: " + ", ".join(source.parameters)
            problems.append(f"has no parameter '{name}'; {hint}")
            continue
        default = source.parameters[name]
        fitted = _fitted(value, default)
        if fitted is None:
            problems.append(f"parameter '{name}' is {value!r} ({_kind(value)}), expected {_kind(default)}")
        else:
            checked[name] = fitted
    if problems:
        raise NotebookError(f"{source.path}: " + "; ".join(problems))
    return checked


def _fitted(value: Any, default: Parameter) -> Parameter | None:
    if isinstance(default, list):
        if not isinstance(value, list | tuple):
            return None
        items = [_fitted(item, default[0]) if default else _scalar(item) for item in value]
        return None if None in items else items  # type: ignore[return-value]  # no list is inside a list
    if isinstance(default, float) and type(value) is int:
        return float(value)
    return value if type(value) is type(default) else None


def _scalar(value: Any) -> Scalar | None:
    return value if isinstance(value, str | int | float | bool) else None


def _kind(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"list of {_kind(value[0])}" if value else "list"
    return type(value).__name__


def _check_header(path: Path, text: str) -> None:
    lines = text.splitlines()
    if not lines or lines[0] != "# ---" or "# ---" not in lines[1:]:
        raise NotebookError(
            f"{path}:1: has no jupytext header; the first line must be '# ---', then jupytext and kernelspec as "
            "comments, then '# ---' (copy it from another notebook)"
        )
    end = lines.index("# ---", 1)
    try:
        header = yaml.safe_load("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[1:end]))
    except yaml.YAMLError as error:
        raise NotebookError(f"{path}:1: the jupytext header is not YAML: {error}") from error
    for keys, expected in HEADER_EXPECTED.items():
        found: Any = header
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if found != expected:
            said = "lacks it" if found is None else f"says {found!r}"
            raise NotebookError(
                f"{path}:1: the jupytext header must say {'.'.join(keys)}: {expected}, and {said}; without it "
                "papermill would run the defaults and report success"
            )


def _parameter_lines(path: Path, text: str) -> tuple[int, int]:
    """Lines of the one `parameters` cell. Read from comment tokens: a marker in a string is no marker."""
    markers: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, column = token.start
        if column == 0 and MARKER.match(token.string):
            markers.append((line, token.string))
    tagged = [index for index, (_, marker) in enumerate(markers) if PARAMETERS_TAG.search(marker)]
    if len(tagged) != 1:
        where = "no cell" if not tagged else "lines " + ", ".join(str(markers[index][0]) for index in tagged)
        raise NotebookError(
            f"{path}:{markers[tagged[1]][0] if tagged else 1}: exactly one cell must be tagged as parameters, found "
            f"{where}; start that cell with '# %% tags=[\"parameters\"]'"
        )
    (index,) = tagged
    first = markers[index][0]
    last = markers[index + 1][0] - 1 if index + 1 < len(markers) else len(text.splitlines())
    return first, last


def _defaults(path: Path, tree: ast.Module, first: int, last: int) -> dict[str, Parameter]:
    defaults: dict[str, Parameter] = {}
    for statement in tree.body:
        if not first <= statement.lineno <= last:
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # a string that explains the parameter above it
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                raise NotebookError(
                    f"{path}:{statement.lineno}: the parameters cell may only hold 'name = value' lines; move "
                    "everything else to the next cell"
                )
        defaults[name] = _default(path, name, value)
    missing = [name for name in GIVEN if name not in defaults]
    if missing:
        raise NotebookError(f"{path}:{first}: the parameters cell lacks {', '.join(missing)}; the runner fills them in")
    return defaults


def _default(path: Path, name: str, expression: ast.expr) -> Parameter:
    try:
        value = ast.literal_eval(expression)
    except ValueError:
        value = None
    items = value if isinstance(value, list) else [value]
    if any(_scalar(item) is None for item in items):
        raise NotebookError(
            f"{path}:{expression.lineno}: parameter '{name}' must be a plain string, number, true or false, or a "
            "list of them"
        )
    checked: Parameter = value
    return checked
