"""The small survey and the repository's own, each loaded once."""

from __future__ import annotations

import pytest
from exchange_samples import REPOSITORY, write_survey

from survey_tools.knowledge.survey import Survey, load_survey


@pytest.fixture(scope="session")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return load_survey(write_survey(tmp_path_factory.mktemp("survey")))


@pytest.fixture(scope="session")
def repository() -> Survey:
    return load_survey(REPOSITORY)
