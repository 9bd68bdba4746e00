"""Fast tests first; and where the browser tests are required, a skipped one is a failed one."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

LAST = ("slow", "model", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files keep together (their fixtures are costly); files that hold slow tests come last."""
    slow = {item.path for item in items if any(item.get_closest_marker(name) for name in LAST)}
    items.sort(key=lambda item: item.path in slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """CI sets SURVEY_REQUIRE_BROWSER: without a browser it must not pass in silence."""
    report = yield
    if report.skipped and item.get_closest_marker("browser") and os.environ.get("SURVEY_REQUIRE_BROWSER"):
        report.outcome = "failed"
        report.longrepr = f"{Path(item.path).name}: browser test skipped although SURVEY_REQUIRE_BROWSER is set"
    return report
