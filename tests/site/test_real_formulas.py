"""Every formula of the entries becomes MathML: one that does not is shown as raw LaTeX, which no reader wants."""

from __future__ import annotations

import pytest
from site_samples import REPOSITORY

from survey_tools.knowledge.survey import load_survey
from survey_tools.site.formula import formula

HEAD_TYPES = load_survey(REPOSITORY).head_types


@pytest.mark.parametrize("entry", sorted(HEAD_TYPES))
def test_formula_of_entry_is_drawn(entry: str) -> None:
    made = formula(HEAD_TYPES[entry].definition.formula)
    assert made.startswith("<math"), made
