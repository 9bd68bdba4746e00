import pytest

from survey_tools.notebooks.execute import _described, _first_line


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("\n  # why\n  x = 1\ny = 2", "x = 1"),
        ("# only this\n# and that", "# only this"),
        ("", ""),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 57 + "..."),
    ],
)
def test_a_cell_is_known_by_its_first_line_of_code(source: str, expected: str) -> None:
    assert _first_line(source) == expected


def test_an_exception_of_the_notebook_is_told_without_colours() -> None:
    class Executed(Exception):
        ename, evalue, traceback = "ValueError", "bad \x1b[31mtoken\x1b[0m", ["\x1b[31mfirst\nsecond\x1b[0m"]

    assert _described(Executed()) == {"error": "ValueError: bad token", "traceback": "first\nsecond"}
    assert _described(KeyError()) == {"error": "KeyError", "traceback": ""}
