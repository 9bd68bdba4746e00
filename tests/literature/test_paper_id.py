"""Ids of new papers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_tools.knowledge.fields import ID_PATTERN
from survey_tools.literature.paper_id import paper_id


@pytest.mark.parametrize(
    ("authors", "title", "expected"),
    [
        (["Rhys Gould", "Euan Ong"], "Successor Heads: Recurring, Interpretable Heads", "gould-2026-successor-heads"),
        (["Wei Wu"], "Retrieval Head Mechanistically Explains Factuality", "wu-2026-retrieval-head"),
        (["Ana García-Carrasco"], "How does a model tell acronyms?", "garcia-carrasco-2026-tell-acronyms"),
        (
            ["Johannes von Oswald"],
            "Transformers Learn In-Context by Gradient Descent",
            "von-oswald-2026-learn-in-context",
        ),
        (["Łukasz Sørensen Jr."], "The Model's Heads", "sorensen-2026-heads"),
        (["注意力"], "注意力", "anonymous-2026-untitled"),
        ([], "Of the", "anonymous-2026-of-the"),
        (["OpenAI"], "GPT-4 Technical Report", "openai-2026-gpt-4-technical"),
    ],
)
def test_ids(authors, title, expected):
    assert paper_id(authors, "2026-11-02", title, []) == expected


def test_a_taken_id_grows_and_then_counts():
    title = "Echo Heads Repeat Tokens"
    assert paper_id(["Li"], "2026", title, {"li-2026-echo-heads-repeat"}) == "li-2026-echo-heads-repeat-tokens"
    taken = {"li-2026-echo-heads-repeat", "li-2026-echo-heads-repeat-tokens"}
    assert paper_id(["Li"], "2026", title, taken) == "li-2026-echo-heads-repeat-tokens-2"
    taken.add("li-2026-echo-heads-repeat-tokens-2")
    assert paper_id(["Li"], "2026", title, taken) == "li-2026-echo-heads-repeat-tokens-3"


@given(st.lists(st.text(max_size=40), max_size=2), st.text(max_size=300))
def test_whatever_comes_gives_an_id(authors, title):
    made = paper_id(authors, "2026", title, [])
    assert re.fullmatch(ID_PATTERN, made)
    assert len(made) <= 80
    assert paper_id(authors, "2026", title, {made}) != made
