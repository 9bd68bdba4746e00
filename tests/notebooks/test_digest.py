"""What makes a record stale, and what must not."""

import ast
from pathlib import Path

import pytest
from throwaway import MEASURE, Checkout, cell, open_model, script

from survey_tools.errors import NotebookError
from survey_tools.notebooks import reach
from survey_tools.notebooks.digest import changed_parts, digest, digest_parts
from survey_tools.notebooks.source import read_notebook

IMPORTS = cell("from survey_tools.heads.detect import detect")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    checkout = Checkout(tmp_path)
    checkout.notebook("probe", script(IMPORTS, MEASURE), "induction")
    return checkout


def parts(checkout: Checkout, detector: str = "induction", model: str = "tiny", **parameters: object) -> dict[str, str]:
    notebook = read_notebook(checkout.root / "notebooks" / "probe.py")
    given = {**notebook.parameters, **parameters}
    return digest_parts(notebook, given, checkout.entries.models[model], detector, checkout.package)


def reached(checkout: Checkout, code: str) -> set[str]:
    package = checkout.package
    names = {module.name for module in package.reached(*package.read("probe", code).imports)}
    return {name.removeprefix("survey_tools.") for name in names} - {"survey_tools", "heads"}


def test_comments_formatting_docstrings_and_prose_change_nothing(checkout: Checkout) -> None:
    before = parts(checkout)
    checkout.edit_package("heads/capture.py", '"""A docstring."""\n# a comment\nSTEP  =  1\n"""What it is."""\n')
    checkout.edit_package("__init__.py", '__version__ = "2"\n__all__ = ["x"]\n')
    path = checkout.root / "notebooks" / "probe.py"
    path.write_text(
        path.read_text().replace("## Measure", "## Measure, better explained").replace("\nimport", "\n\nimport")
    )
    assert parts(checkout) == before
    assert digest(parts(checkout)) == digest(before)


def test_a_reached_constant_changes_code_only(checkout: Checkout) -> None:
    before = parts(checkout)
    checkout.edit_package("heads/capture.py", "STEP = 2\n")
    after = parts(checkout)
    assert changed_parts(before, after) == ("code",)
    assert digest(after) != digest(before)


def test_its_own_detector_and_what_that_alone_reaches_change_detector_only(checkout: Checkout) -> None:
    before = parts(checkout)
    checkout.edit_package("heads/tasks/repeats.py", "LENGTH = 51\n")
    assert changed_parts(before, parts(checkout)) == ("detector",)


@pytest.mark.parametrize(
    "file", ["heads/detectors/successor.py", "heads/unrelated.py", "knowledge/survey.py", "heads/planted.py"]
)
def test_other_detectors_and_unreached_modules_change_nothing(checkout: Checkout, file: str) -> None:
    before = parts(checkout)
    checkout.edit_package(file, "SOMETHING = 'else'\n")
    assert parts(checkout) == before


def test_a_notebook_that_imports_detectors_itself_still_depends_on_the_entrys_own(checkout: Checkout) -> None:
    imports = cell("from survey_tools.heads.detectors.successor import MINIMUM")
    checkout.notebook("probe", script(imports, MEASURE), "induction")
    before = parts(checkout)
    checkout.edit_package("heads/detectors/successor.py", "MINIMUM = 1\n")
    assert parts(checkout) == before
    assert changed_parts(before, parts(checkout, detector="successor")) == ("detector",)


def test_the_script_changes_notebook_only_and_a_default_parameters_only(checkout: Checkout) -> None:
    before = parts(checkout)
    path = checkout.root / "notebooks" / "probe.py"
    text = path.read_text()
    path.write_text(text.replace("[0.5, None]", "[0.4, None]"))
    assert changed_parts(before, parts(checkout)) == ("notebook",)
    path.write_text(text.replace("shift = 0.25", "shift = 0.3"))
    assert changed_parts(before, parts(checkout)) == ("parameters",)


def test_where_it_is_written_and_what_shares_the_run_change_nothing(checkout: Checkout) -> None:
    assert parts(checkout, out="/somewhere", entries=["a", "b"]) == parts(checkout)
    assert changed_parts(parts(checkout, seed=1), parts(checkout)) == ("parameters",)


def test_the_model_part_follows_weights_and_dtype_not_prose(checkout: Checkout) -> None:
    models = checkout.entries.models
    before = parts(checkout)
    models["tiny"] = open_model("tiny", summary="other words", tier="gpu")
    assert parts(checkout) == before
    models["tiny"] = open_model("tiny", dtype="float16")
    assert changed_parts(before, parts(checkout)) == ("model",)
    source = {"kind": "hub", "repo": "someone/something", "revision": "b" * 40}
    models["tiny"] = open_model("tiny", source=source)
    assert changed_parts(before, parts(checkout)) == ("model",)


def test_a_planted_model_depends_on_the_code_that_plants_it(checkout: Checkout) -> None:
    checkout.entries.models["planted"] = open_model("planted", recipe="gpt2")
    before = parts(checkout, model="planted")
    checkout.edit_package("heads/planted.py", "PLANTED = 2\n")
    assert changed_parts(before, parts(checkout, model="planted")) == ("code",)


def test_an_unknown_detector_is_refused(checkout: Checkout) -> None:
    with pytest.raises(
        NotebookError, match=r"'inducton' has no file detectors/inducton.py; did you mean 'induction'\?"
    ):
        parts(checkout, detector="inducton")
    assert parts(checkout, detector="previous-token")["detector"] != parts(checkout)["detector"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import survey_tools.heads.capture", {"heads.capture"}),
        ("import survey_tools.heads.capture as c, os", {"heads.capture"}),
        ("from survey_tools.heads import capture, nothing", {"heads.capture"}),
        ("def f():\n    from survey_tools.heads.capture import STEP", {"heads.capture"}),
        ("import importlib\nimportlib.import_module('survey_tools.heads.capture')", {"heads.capture"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import survey_tools.heads.capture", set()),
        ("import typing\nif typing.TYPE_CHECKING:\n    import survey_tools.heads.capture\nelse:\n    x = 1", set()),
        ("from survey_tools.knowledge.survey import TEXT", set()),
        ("from survey_tools.heads.tasks.repeats import LENGTH", {"heads.tasks", "heads.tasks.repeats"}),
        ("'survey_tools.heads.capture is a module'", set()),
        ("import os.path, survey_toolsx.heads", set()),
    ],
)
def test_which_imports_are_followed(checkout: Checkout, code: str, expected: set[str]) -> None:
    assert reached(checkout, code) == expected


def test_relative_imports_are_followed(checkout: Checkout) -> None:
    checkout.edit_package(
        "heads/unrelated.py", "from .capture import STEP\nfrom . import planted\nfrom ..knowledge import x\n"
    )
    assert reached(checkout, "import survey_tools.heads.unrelated") == {
        "heads.unrelated",
        "heads.capture",
        "heads.planted",
    }
    checkout.edit_package("heads/tasks/__init__.py", "from .repeats import LENGTH\nfrom ..capture import STEP\n")
    assert reached(checkout, "import survey_tools.heads.tasks") == {
        "heads.tasks",
        "heads.tasks.repeats",
        "heads.capture",
    }


def test_a_module_with_a_syntax_error_is_named(checkout: Checkout) -> None:
    checkout.edit_package("heads/capture.py", "STEP = = 1\n")
    with pytest.raises(NotebookError, match=r"survey_tools\.heads\.capture:1: is not Python"):
        parts(checkout)


def test_spelling_tells_values_apart_that_look_alike(checkout: Checkout) -> None:
    texts = [
        "x = 1",
        "x = 1.0",
        "x = True",
        "x = '1'",
        "x = None",
        "x = [1]",
        "x = (1,)",
        "x += 1",
        "x = -1",
        "del x",
        "x",
    ]
    texts += [
        "def f(a, *, b): return a",
        "def f(a, b): return a",
        "x = f(a=1)",
        "x = f(b=1)",
        "x = f'{a!r}'",
        "x = f'{a}'",
    ]
    spelled = {checkout.package.read("m", text).normal for text in texts}
    assert len(spelled) == len(texts)


def test_normalising_leaves_a_statement_where_the_syntax_needs_none() -> None:
    tree = reach.normalised("def f():\n    'only a docstring'\n")
    assert isinstance(tree.body[0], ast.FunctionDef)
    assert tree.body[0].body == []


def test_excluded_modules_exist_in_the_real_package() -> None:
    """A renamed module would be counted again, and make every record stale without a reason."""
    missing = [name for name in reach.NOT_MEASURING if reach.installed().path_of(name) is None]
    assert missing == []


def test_the_real_detection_code_is_reached_from_the_public_interface() -> None:
    package = reach.installed()
    script = "from survey_tools import detect, load_model"
    names = {module.name for module in package.reached(*package.read("notebook", script).imports)}
    assert {"survey_tools.api", "survey_tools.heads.detect", "survey_tools.heads.interception"} <= names
    assert not any(reach.is_detector(name) or "knowledge" in name or name.endswith("cli") for name in names)
