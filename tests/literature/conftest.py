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


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[Sources, str]]:
    """One for all tests: starting and stopping it takes longer than most of them."""
    with replaying() as running:
        yield running


@pytest.fixture
def sources(server: tuple[Sources, str], monkeypatch: pytest.MonkeyPatch) -> Sources:
    """The server as a test finds it: with no answers, and asked nothing."""
    sources, address = server
    sources.answers.clear()
    sources.asked.clear()
    for variable, path in VARIABLES.items():
        monkeypatch.setenv(variable, address + path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return sources


@pytest.fixture
def waits() -> list[float]:
    """Seconds that were waited, in order; nobody really waits."""
    return []


@pytest.fixture
def web(waits: list[float]) -> Web:
    return Web(sleep=waits.append, clock=lambda: 0.0)
