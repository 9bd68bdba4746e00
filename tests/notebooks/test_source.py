from pathlib import Path

import jupytext
import pytest
from throwaway import HEADER, MEASURE, PARAMETERS, cell, script

from survey_tools.errors import NotebookError
from survey_tools.notebooks.source import check_parameters, parameters_of, read_notebook


def write(folder: Path, text: str) -> Path:
    path = folder / "probe.py"
    path.write_text(text)
    return path


def test_parameters_in_the_order_of_the_script(tmp_path: Path) -> None:
    text = script(parameters=PARAMETERS + 'rate: float = 1e-3\n"how fast"\nwords = ["a", "b"]\nlow = -1\n')
    assert list(parameters_of(write(tmp_path, text)).items()) == [
        ("model", "some-model"),
        ("entries", ["induction"]),
        ("seed", 0),
        ("shift", 0.25),
        ("out", ""),
        ("rate", 0.001),
        ("words", ["a", "b"]),
        ("low", -1),
    ]


def test_a_marker_in_a_string_is_no_cell_and_jupytext_agrees(tmp_path: Path) -> None:
    text = script(cell('text = """\n# %% tags=["parameters"]\n"""'), MEASURE)
    source = read_notebook(write(tmp_path, text))
    notebook = jupytext.reads(text, fmt={"extension": ".py", "format_name": "percent"})
    [tagged] = [one for one in notebook.cells if "parameters" in one.metadata.get("tags", [])]
    first, last = source.parameter_lines
    assert "\n".join(text.splitlines()[first:last]).strip() == tagged.source


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("print(1)\n", r"probe.py:1: has no jupytext header; the first line must be '# ---'"),
        (script(header=HEADER.replace("#       extension: .py\n", "")), r"extension: \.py, and lacks it; without it"),
        (script(header=HEADER.replace("percent", "light")), r"format_name: percent, and says 'light'"),
        (script(header=HEADER.replace("name: python3", "name: ir")), r"kernelspec\.name: python3, and says 'ir'"),
        (script(header=HEADER.replace("# jupyter:", "# jupyter: [")), r"probe.py:1: the jupytext header is not YAML"),
        (script(parameters="\n# %%\na = 1\n"), r"exactly one cell must be tagged as parameters, found no cell"),
        (script(PARAMETERS), r"probe.py:20: exactly one cell .* found lines 13, 20;"),
        (script("x = = 1\n"), r"probe.py:19: is not Python: invalid syntax"),
        (script(parameters=PARAMETERS + "import os\n"), r"probe.py:19: the parameters cell may only hold"),
        (script(parameters=PARAMETERS + "n = max(1, 2)\n"), r"probe.py:19: parameter 'n' must be a plain string"),
        (script(parameters=PARAMETERS + "n = [[1], [2]]\n"), r"parameter 'n' must be a plain string"),
        (script(parameters=PARAMETERS + "n = None\n"), r"parameter 'n' must be a plain string"),
        (script(parameters=PARAMETERS.replace("seed = 0\n", "")), r"probe.py:13: the parameters cell lacks seed;"),
    ],
)
def test_malformed_scripts_are_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    # Eleven lines of header and a blank one: the marker of PARAMETERS stands on line 13, its last line is 18.
    with pytest.raises(NotebookError, match=message):
        read_notebook(write(tmp_path, text))


def test_a_missing_script_is_a_notebook_error(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match=r"absent.py: cannot be read as text"):
        read_notebook(tmp_path / "absent.py")


def test_given_parameters_replace_defaults_and_nothing_is_changed(tmp_path: Path) -> None:
    source = read_notebook(write(tmp_path, script()))
    checked = check_parameters(source, {"shift": 1, "entries": ("a", "b")})
    assert checked == {"model": "some-model", "entries": ["a", "b"], "seed": 0, "shift": 1.0, "out": ""}
    assert type(checked["shift"]) is float
    assert source.parameters["shift"] == 0.25


def test_unknown_and_mistyped_parameters_are_all_reported(tmp_path: Path) -> None:
    source = read_notebook(write(tmp_path, script()))
    given = {"shfit": 0.5, "zzz": 1, "seed": True, "model": 3, "entries": "induction", "shift": "0.5"}
    with pytest.raises(NotebookError) as caught:
        check_parameters(source, given)
    text = str(caught.value)
    assert "has no parameter 'shfit'; did you mean 'shift'?" in text
    assert "has no parameter 'zzz'; it has: model, entries, seed, shift, out" in text
    assert "parameter 'seed' is True (bool), expected int" in text
    assert "parameter 'model' is 3 (int), expected str" in text
    assert "parameter 'entries' is 'induction' (str), expected list of str" in text
    assert "parameter 'shift' is '0.5' (str), expected float" in text


def test_items_of_a_list_have_the_type_of_the_defaults_items(tmp_path: Path) -> None:
    source = read_notebook(write(tmp_path, script()))
    with pytest.raises(NotebookError, match="expected list of str"):
        check_parameters(source, {"entries": [1]})
