"""The small survey that tests of entries use, and a server that stands in for the literature."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from replayed_sources import VARIABLES, Sources, replaying

from knowledge.conftest import Tree
from survey_tools.literature.web import Web


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "survey")


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sources]:
    with replaying() as (server, address):
        for variable, path in VARIABLES.items():
            monkeypatch.setenv(variable, address + path)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


@pytest.fixture
def waits() -> list[float]:
    """Seconds that were waited, in order; nobody really waits."""
    return []


@pytest.fixture
def web(waits: list[float]) -> Web:
    return Web(sleep=waits.append, clock=lambda: 0.0)
