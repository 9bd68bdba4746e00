from __future__ import annotations

from pathlib import Path

import pytest
from site_samples import write_results, write_tiny_survey
from training_samples import write_training_results

from survey_tools.site.build import SiteReport, build_site
from survey_tools.site.contents import Contents, gather


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_tiny_survey(tmp_path_factory.mktemp("survey"))
    write_results(root / "results")
    write_training_results(root / "results")
    return root


@pytest.fixture(scope="session")
def tiny(tiny_root: Path) -> Contents:
    return gather(tiny_root, [tiny_root / "results"])


@pytest.fixture(scope="session")
def built(tiny_root: Path) -> tuple[SiteReport, Path]:
    output = tiny_root / "site"
    return build_site(tiny_root, output, [tiny_root / "results"]), output
