"""The recipe of the tests of this folder."""

import pytest
from tiny_recipe import CONTENT

from survey_tools.heads.training.recipe import Recipe


@pytest.fixture
def content():
    return {part: dict(values) for part, values in CONTENT.items()}


@pytest.fixture
def recipe():
    return Recipe.model_validate(CONTENT)
