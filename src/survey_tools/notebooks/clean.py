"""An executed notebook made fit to be committed: equal for equal results, and silent about the machine.

Out go clock times, random cell ids, papermill's metadata, progress bars and everything on the error stream; folders
of this machine become `...`. What a reader needs stays: code, parameters, tables, text and small charts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from survey_tools.errors import NotebookError

LIMIT_BYTES = 100_000
HIDDEN = "..."
WIDGETS = "application/vnd.jupyter.widget"
RICHER = frozenset({"image/svg+xml", "image/png", "text/html", "text/markdown"})
"""Beside one of these, `text/plain` is a Python object's name, or the same picture once more as text."""
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")


def cleaned(text: str, *, name: str, hide: Iterable[Path], about: dict[str, str]) -> str:
    """The text of an `.ipynb` file, cleaned.

    `name` is for messages; paths in `hide` are replaced wherever they stand; `about` (run id, notebook,
    model) becomes the notebook's own metadata.

    Raises NotebookError when the result is no valid notebook or larger than LIMIT_BYTES.
    """
    import nbformat

    notebook = nbformat.reads(text, as_version=4)
    cells = [_cell(cell, index) for index, cell in enumerate(notebook.cells)]
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "survey": dict(sorted(about.items())),
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    clean = nbformat.from_dict(_without_paths(content, _pattern(hide)))
    try:
        nbformat.validate(clean)
    except nbformat.ValidationError as error:
        raise NotebookError(f"{name}: the executed notebook is not valid: {error.message}") from error
    result = str(nbformat.writes(clean, indent=1)).rstrip("\n") + "\n"
    size = len(result.encode())
    if size > LIMIT_BYTES:
        sizes = {len(str(cell)): cell["source"].strip().splitlines() or [""] for cell in cells}
        largest = sizes[max(sizes)][0]
        raise NotebookError(
            f"{name}: the executed notebook has {size:,} bytes, at most {LIMIT_BYTES:,} are kept; print less or draw a "
            f"smaller chart, most comes from the cell that begins with '{largest}'"
        )
    return result


def _cell(cell: Any, index: int) -> dict[str, Any]:
    tags = cell.metadata.get("tags", [])
    clean = {
        "cell_type": cell.cell_type,
        "id": f"cell-{index}",
        "metadata": {"tags": list(tags)} if tags else {},
        "source": cell.source,
    }
    if cell.cell_type == "code":
        if "injected-parameters" in tags:
            clean["source"] = re.sub(r"(?m)^out = .*$", f'out = "{HIDDEN}"', cell.source)
        clean["execution_count"] = cell.execution_count
        clean["outputs"] = [kept for output in cell.outputs if (kept := _output(output)) is not None]
    return clean


def _output(output: Any) -> dict[str, Any] | None:
    """An output without what differs from run to run; None for one that says nothing to a reader."""
    if output.output_type == "stream":
        if output.name == "stderr":
            return None
        # A carriage return overwrites its line on a terminal: of a progress line, the last state remains.
        lines = [line.rstrip("\r").rpartition("\r")[2] for line in output.text.split("\n")]
        return {"output_type": "stream", "name": output.name, "text": ADDRESS.sub("at 0x...", "\n".join(lines))}
    if output.output_type == "error":
        return {"output_type": "error", "ename": output.ename, "evalue": output.evalue, "traceback": output.traceback}
    data = {kind: value for kind, value in output.data.items() if not kind.startswith(WIDGETS)}
    if data.keys() < output.data.keys() and data.keys() <= {"text/plain"}:
        return None  # a widget, and the name of its Python object as the only other text
    if data.keys() & RICHER:
        data.pop("text/plain", None)
    if isinstance(data.get("text/plain"), str):
        data["text/plain"] = ADDRESS.sub("at 0x...", data["text/plain"])
    kept = {"output_type": output.output_type, "data": data, "metadata": {}}
    if output.output_type == "execute_result":
        kept["execution_count"] = output.execution_count
    return kept


def _pattern(hide: Iterable[Path]) -> re.Pattern[str] | None:
    """Matches any of the folders, as given and with links resolved, the longest first."""
    folders = {str(form) for path in hide for form in (path.absolute(), path.resolve()) if len(form.parts) > 1}
    if not folders:
        return None
    longest_first = sorted(folders, key=lambda folder: (-len(folder), folder))
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w-])")


def _without_paths(value: Any, pattern: re.Pattern[str] | None) -> Any:
    if pattern is None:
        return value
    if isinstance(value, str):
        return pattern.sub(HIDDEN, value)
    if isinstance(value, list):
        return [_without_paths(item, pattern) for item in value]
    if isinstance(value, dict):
        return {key: _without_paths(item, pattern) for key, item in value.items()}
    return value
