"""Directional subtraction: nothing is left along the direction, and nothing else moves."""

from __future__ import annotations

import pytest
import torch

from survey_tools.errors import DetectionError
from survey_tools.heads.interventions.projection import Project

Z = torch.tensor([[[3.0, 4.0, 1.0], [0.0, 2.0, -1.0]]])  # batch pos d_head


def test_by_hand():
    new = Project(torch.tensor([0.0, 2.0, 0.0])).replacement(Z, (0, 0))
    torch.testing.assert_close(new, torch.tensor([[[3.0, 0.0, 1.0], [0.0, 0.0, -1.0]]]))


def test_nothing_is_left_along_the_direction_and_the_rest_stays():
    direction = torch.tensor([1.0, 2.0, -2.0])
    new = Project(direction).replacement(Z, (0, 0))
    torch.testing.assert_close(new @ direction, torch.zeros(1, 2))
    moved = Z - new
    torch.testing.assert_close(moved, (moved @ direction / 9)[..., None] * direction)  # along the direction only
    torch.testing.assert_close(Project(direction).replacement(new, (0, 0)), new)  # a second time changes nothing


def test_the_center_stays_where_it_is():
    center = torch.tensor([1.0, 1.0, 1.0])
    direction = torch.tensor([0.0, 1.0, 0.0])
    new = Project(direction, center).replacement(Z, (0, 0))
    torch.testing.assert_close(new, torch.tensor([[[3.0, 1.0, 1.0], [0.0, 1.0, -1.0]]]))


def test_it_acts_where_it_is_asked_to():
    edit = Project(torch.tensor([0.0, 1.0, 0.0]), positions=-1)
    torch.testing.assert_close(edit.edited(Z, (0, 0)), torch.tensor([[[3.0, 4.0, 1.0], [0.0, 0.0, -1.0]]]))


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (Project(torch.ones(2)), r"the direction projected out of L1H2 has shape \[2\]; z of that head is 3 wide"),
        (Project(torch.ones(3), torch.ones(4)), "the center projected out of L1H2"),
        (Project(torch.zeros(3)), "is zero"),
    ],
)
def test_what_does_not_fit_is_refused(edit, words):
    with pytest.raises(DetectionError, match=words):
        edit.replacement(Z, (1, 2))
