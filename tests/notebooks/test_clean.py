from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from survey_tools.errors import NotebookError
from survey_tools.notebooks.clean import LIMIT_BYTES, cleaned

ABOUT = {"run_id": "r", "notebook": "n", "model": "m"}


def clean(*cells: Any, hide: tuple[Path, ...] = ()) -> Any:
    text = nbformat.writes(new_notebook(cells=list(cells), metadata={"papermill": {"duration": 3}}))
    return nbformat.reads(cleaned(text, name="n on m", hide=hide, about=ABOUT), as_version=4)


def stdout(text: str, name: str = "stdout") -> Any:
    return new_output("stream", name=name, text=text)


def test_equal_work_gives_equal_text_whenever_it_ran() -> None:
    texts = []
    for when in ("10:00", "11:00"):
        cell = new_code_cell("x", outputs=[stdout("done\n"), stdout(f"at {when}", "stderr")], metadata={"when": when})
        notebook = new_notebook(cells=[new_markdown_cell("# Title"), cell], metadata={"papermill": {"start": when}})
        texts.append(cleaned(nbformat.writes(notebook), name="n", hide=(), about=ABOUT))
    assert texts[0] == texts[1]
    assert "10:00" not in texts[0]


def test_metadata_says_what_ran_and_nothing_else() -> None:
    assert clean(new_code_cell("x")).metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "survey": ABOUT,
    }


def test_folders_are_hidden_as_whole_folders_only(tmp_path: Path) -> None:
    home, root = tmp_path / "me", tmp_path / "me" / "survey"
    text = f"{root}/models {home}/x file://{home} {home}ow {home}-2 https://a.b{home}"
    html = {"text/html": f"<a href='{root}/a'>", "application/json": {"path": [str(root)]}}
    notebook = clean(
        new_code_cell(f"open('{root}')", outputs=[stdout(text), new_output("display_data", html)]), hide=(home, root)
    )
    cell = notebook.cells[0]
    assert cell.source == "open('...')"
    assert cell.outputs[0].text == f".../models .../x file://... {home}ow {home}-2 https://a.b{home}"
    assert cell.outputs[1].data == {"text/html": "<a href='.../a'>", "application/json": {"path": ["..."]}}


def test_only_the_injected_cell_loses_its_folder() -> None:
    injected = new_code_cell('# Parameters\nseed = 1\nout = "/x/y"\n', metadata={"tags": ["injected-parameters"]})
    defaults = new_code_cell('out = ""', metadata={"tags": ["parameters"]})
    cells = clean(defaults, injected).cells
    assert cells[0].source == 'out = ""'
    assert cells[1].source == '# Parameters\nseed = 1\nout = "..."\n'
    assert [cell.metadata for cell in cells] == [{"tags": ["parameters"]}, {"tags": ["injected-parameters"]}]


def test_progress_keeps_its_last_state_and_widgets_go() -> None:
    bar = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "IntProgress()"}
    outputs = [stdout("1 of 2\r2 of 2\r\nresult\n"), new_output("display_data", bar)]
    outputs.append(new_output("execute_result", {"text/plain": "<Model at 0x7f00aabbccdd>"}, execution_count=3))
    kept = clean(new_code_cell("x", outputs=outputs, execution_count=3)).cells[0].outputs
    assert [output.output_type for output in kept] == ["stream", "execute_result"]
    assert kept[0].text == "2 of 2\nresult\n"
    assert kept[1].data == {"text/plain": "<Model at 0x...>"}


def test_a_picture_is_kept_once() -> None:
    chart = new_output("display_data", {"image/svg+xml": "<svg/>", "text/plain": "'<svg/>'"})
    assert clean(new_code_cell("x", outputs=[chart])).cells[0].outputs[0].data == {"image/svg+xml": "<svg/>"}


def test_a_notebook_too_large_to_commit_is_refused_with_the_cell_to_blame() -> None:
    large = new_code_cell("print(everything)", outputs=[stdout("x" * LIMIT_BYTES)])
    with pytest.raises(
        NotebookError, match=r"n on m: .* at most 100,000 are kept; .* begins with 'print\(everything\)'"
    ):
        clean(new_code_cell("a = 1"), large)


def test_a_notebook_that_is_not_valid_is_refused() -> None:
    display = new_output("display_data", {"image/png": "PICTURE"})
    text = nbformat.writes(new_notebook(cells=[new_code_cell("x", outputs=[display])]))
    with pytest.raises(NotebookError, match="n on m: the executed notebook is not valid: 5 is not valid"):
        cleaned(text.replace('"PICTURE"', "5"), name="n on m", hide=(), about=ABOUT)
