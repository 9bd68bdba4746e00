"""One run in a process of its own: `python -m survey_tools.notebooks.execute <job folder> <event descriptor>`.

Reads `job.json`, turns the script into a notebook, executes it with papermill on the Python that runs this, and
writes one JSON event a line to the descriptor: `cell` as each begins, then `done` or `failed`. Everything it
writes lies in the job folder. Standard input is a lifeline: when it closes, the starter is gone, and so are we.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from survey_tools.notebooks.environment import installed_versions, peak_memory_of_children_mb
from survey_tools.notebooks.kernel import PID_FILE_VARIABLE

Report: TypeAlias = Callable[..., None]

KERNEL = "survey-run"
JOB, EXECUTED, KERNEL_PID, LOG, OUT = "job.json", "executed.ipynb", "kernel.pid", "log.txt", "out"
"""Names in the job folder."""
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
TRACEBACK_LINES = 60
FIRST_LINE_LENGTH = 60


@dataclass(frozen=True)
class JobFile:
    """What `job.json` says."""

    script: str
    parameters: dict[str, Any]
    root: str
    """Working directory of the notebook."""

    def write(self, folder: Path) -> None:
        """Put it into the job folder."""
        (folder / JOB).write_text(json.dumps(asdict(self)), encoding="utf-8")


def main(folder: Path, descriptor: int) -> None:
    """Run the job in `folder`; failures are reported as events, not raised."""
    threading.Thread(target=_end_with_starter, args=(folder,), daemon=True).start()

    def report(event: str, **details: Any) -> None:
        os.write(descriptor, (json.dumps({"event": event, **details}) + "\n").encode())

    try:
        seconds = _execute(folder, JobFile(**json.loads((folder / JOB).read_bytes())), report)
    except Exception as error:  # whatever went wrong in there belongs into the report, not into a lost log
        report("failed", **_described(error))
    else:
        report("done", seconds=seconds, peak_memory_mb=peak_memory_of_children_mb(), versions=installed_versions())


def _execute(folder: Path, job: JobFile, report: Report) -> float:
    _install_kernel(folder)
    # Only now: Jupyter reads its folders from the environment when it is imported.
    import jupytext
    import papermill
    from papermill.engines import papermill_engines

    # `comment_magics` off: a comment that looks like a magic or a shell command stays a comment.
    percent = {"extension": ".py", "format_name": "percent", "comment_magics": False}
    notebook = jupytext.reads(Path(job.script).read_text(encoding="utf-8"), fmt=percent)
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1 or tagged[0].cell_type != "code":
        raise ValueError(f"jupytext sees {len(tagged)} cells tagged as parameters, expected one code cell")
    papermill_engines.register(KERNEL, _engine(report))
    started = time.monotonic()
    papermill.execute_notebook(
        notebook,
        str(folder / EXECUTED),
        parameters=job.parameters,
        engine_name=KERNEL,
        kernel_name=KERNEL,
        language="python",
        cwd=job.root,
        progress_bar=False,
        request_save_on_cell_execute=False,
    )
    return round(time.monotonic() - started, 1)


def _install_kernel(folder: Path) -> None:
    """A kernel spec of this run only, for the very interpreter that is running: the `python3` a machine has
    installed may be another one, and the user's IPython profile may run code of its own.
    """
    spec = folder / "jupyter" / "kernels" / KERNEL
    spec.mkdir(parents=True)
    content = {
        "argv": [sys.executable, "-P", "-m", "survey_tools.notebooks.kernel", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "env": {PID_FILE_VARIABLE: str(folder / KERNEL_PID)},
    }
    (spec / "kernel.json").write_text(json.dumps(content), encoding="utf-8")
    os.environ["JUPYTER_PATH"] = str(folder / "jupyter")
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        os.environ[name] = str(folder / name.lower())


def _engine(report: Report) -> type:
    """Papermill's own engine, which reports every code cell as it begins."""
    from papermill.engines import NBClientEngine

    class ReportingEngine(NBClientEngine):  # type: ignore[misc]  # papermill has no types
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
            begin = nb_man.cell_start
            code = [index for index, cell in enumerate(nb_man.nb.cells) if _counts(cell)]

            def cell_start(cell: Any, cell_index: int, **more: Any) -> None:
                if cell_index in code:
                    number = code.index(cell_index) + 1
                    report("cell", cell=number, cells=len(code), first_line=_first_line(cell.source))
                begin(cell, cell_index, **more)

            nb_man.cell_start = cell_start
            super().execute_managed_notebook(nb_man, kernel_name, **options)

    return ReportingEngine


def _counts(cell: Any) -> bool:
    """A code cell of the script; the cell that papermill adds has no number, so numbers match the script."""
    return cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])


def _first_line(source: str) -> str:
    """The first line that says something: not blank, and a comment only when there is nothing else. Cut short."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    code = [line for line in lines if not line.startswith("#")]
    first = (code or lines or [""])[0]
    return first if len(first) <= FIRST_LINE_LENGTH else first[: FIRST_LINE_LENGTH - 3] + "..."


def _described(error: Exception) -> dict[str, str]:
    """Name, message and traceback: of the notebook's own exception where it was one."""
    name = getattr(error, "ename", type(error).__name__)
    message = getattr(error, "evalue", str(error))
    if name == "DeadKernelError":
        message = "the kernel died, most often because memory ran out or native code crashed"
    lines = "\n".join(getattr(error, "traceback", None) or []).splitlines()
    return {
        "error": ANSI.sub("", f"{name}: {message}" if message else str(name)),
        "traceback": ANSI.sub("", "\n".join(lines[-TRACEBACK_LINES:])),
    }


def _end_with_starter(folder: Path) -> None:
    """Wait until standard input closes, then end this process group and the kernel's."""
    while os.read(0, 4096):
        pass
    end_kernel(folder)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def end_kernel(folder: Path) -> None:
    """Kill the process group of the kernel that a job started, with all that the notebook started there."""
    try:
        os.killpg(int((folder / KERNEL_PID).read_text()), signal.SIGKILL)
    except (OSError, ValueError):
        return  # no kernel yet, or all of it has already ended


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
