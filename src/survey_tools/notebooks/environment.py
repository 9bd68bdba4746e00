"""What a record says about the machine and the libraries it was made with: recorded, never digested."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DISTRIBUTION = "attention-head-survey"
LIBRARIES = ("torch", "transformers", "numpy")


def installed_versions() -> dict[str, str]:
    """Versions of Python, this package and the libraries that compute; one that is not installed is left out."""
    versions = {"python": platform.python_version()}
    for name, distribution in [("survey_tools", DISTRIBUTION), *((name, name) for name in LIBRARIES)]:
        try:
            versions[name] = version(distribution)
        except PackageNotFoundError:
            continue
    return versions


def other_versions(recorded: dict[str, str], here: dict[str, str]) -> tuple[str, ...]:
    """`torch 2.13.0, here 2.14.0` for every library that computes and differs.

    A library that either side lacks is not compared: whoever only reads records need not install torch.
    """
    return tuple(
        f"{name} {recorded[name]}, here {here[name]}"
        for name in LIBRARIES
        if name in recorded and name in here and recorded[name] != here[name]
    )


def commit_of(root: Path) -> str | None:
    """Short hash of the checkout's commit, None outside a checkout or without git."""
    command = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
    # Of `root` itself: a copy that happens to lie inside another checkout must not borrow that one's hash.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(root.resolve().parent)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, env=environment, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 and done.stdout.strip() else None


def peak_memory_of_children_mb() -> float:
    """Largest resident memory, in MiB, of any finished descendant that was waited for."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    per_mb = 1024 * 1024 if sys.platform == "darwin" else 1024  # bytes there, KiB on Linux
    return round(peak / per_mb, 1)
