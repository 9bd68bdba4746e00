from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path

import pytest
from site_samples import record, write_tiny_survey
from training_samples import absent, cell, inapplicable

from survey_tools.errors import RecordError
from survey_tools.results.capability import CapabilityRecord
from survey_tools.results.store import ResultStore
from survey_tools.site.contents import TASK_FILES, Contents, gather
from survey_tools.site.elements import measured, measured_interval, percent, sign
from survey_tools.site.escape import verbatim
from survey_tools.site.exports import export_files
from survey_tools.site.head_page import head_page
from survey_tools.site.home_page import home_page
from survey_tools.site.model_page import model_page
from survey_tools.site.pages import made_pages
from survey_tools.site.paper_page import paper_page
from survey_tools.site.task_page import task_page
from survey_tools.site.task_table import tasks_index


def holding(contents: Contents, *cells: CapabilityRecord) -> Contents:
    return dataclasses.replace(contents, capabilities=cells)


def row_of(page: str, words: str) -> str:
    """The row of a table that holds some words."""
    (row,) = [row for row in page.split("<tr>") if words in row]
    return row.split("</tr>")[0]


@pytest.mark.parametrize(
    ("share", "shown"), [(0, "0%"), (0.001, "1%"), (0.5, "50%"), (0.985, "98%"), (0.999, "99%"), (1, "100%")]
)
def test_a_share_that_is_not_whole_never_reads_as_whole(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_numbers_wear_their_unit() -> None:
    assert measured(0.92, "share") == "92%"
    assert measured(5.539, "nats") == "5.54 nats"
    assert measured(None, "share") == "–"
    assert measured_interval((0.87, 0.96), "share") == "87 to 96%"
    assert measured_interval((-0.25, 0.5), "nats") == "−0.25 to 0.5 nats"


def test_a_task_is_called_by_its_id_in_words(tiny: Contents) -> None:
    ids = ("indirect-object", "extractive-qa", "in-context-labels-permuted", "multi-piece-words")
    assert [tiny.task_name(task) for task in ids] == [
        "Indirect object", "Extractive QA", "In-context labels permuted", "Multi-piece words",
    ]  # fmt: skip


def test_a_sign_is_read_out_and_tells_why_on_hover() -> None:
    shown = sign("absent", "44%", 'because "so"')
    assert '<span class="unseen">absent</span>44%' in shown
    assert 'title="absent: because &#34;so&#34;"' in shown


def test_the_table_holds_value_interval_sign_and_chance(tiny: Contents) -> None:
    body = tasks_index(holding(tiny, cell(), absent(model="other-1.5b"))).body
    row = row_of(body, "tasks/copying/")
    task, first, second, chance = row.split("</td>")[:4]
    assert "Which word comes again?" in task
    assert "50%" in chance
    assert "needed 55%" in chance
    for words in ("#on-other-1-5b", "verdict--absent", "</span>50%</span>", "43 to 57%"):
        assert words in first, words
    for words in ("#on-tiny", "verdict--present", "</span>92%</span>", "87 to 96%"):
        assert words in second, words
    assert "data-search-exclude" in body


def test_a_cell_that_does_not_apply_says_why_and_one_that_was_not_asked_is_empty(tiny: Contents) -> None:
    contents = holding(tiny, inapplicable(model="other-1.5b"), cell(task="adding"))
    body = tasks_index(contents).body
    assert "does not apply: It is an encoder &#38; expects no next token." in row_of(body, "tasks/copying/")
    assert "verdict--not-run-yet" in row_of(body, "tasks/copying/")
    assert "verdict--not-run-yet" in row_of(body, "tasks/adding/")
    assert body.index("tasks/adding/") < body.index("tasks/copying/"), "by name"


def test_chance_that_differs_between_models_is_a_range(tiny: Contents) -> None:
    cells = (cell(needed=0.5), absent(model="other-1.5b", chance=0.53, needed=0.53))
    assert "50 to 53%</td>" in row_of(tasks_index(holding(tiny, *cells)).body, "tasks/copying/")


def test_a_probe_is_called_one(tiny: Contents) -> None:
    body = tasks_index(holding(tiny, cell(reading="probe", margin=None, on_twin=None))).body
    assert "87 to 96%, probe" in body


def test_the_page_of_a_task_holds_all_that_its_records_say(tiny: Contents) -> None:
    body = task_page("copying", holding(tiny, cell(), inapplicable(model="other-1.5b"))).body
    row = row_of(body, 'id="on-tiny"')
    for words in (
        "92% of 200 items", ">92%<", "87 to 96%", "50%", "55%", ">200<", ">180<", "4.03", "12%", "2026-11-21",
        "records/tiny/tasks/copying.json",
    ):  # fmt: skip
        assert words in row, words
    for words in (
        'href="@/papers/olsson-2022-induction-heads/"', "3 (the answers begin alike)", "the word that comes again",
        "survey tasks run copying --model", "On the twin", "Log odds",
    ):  # fmt: skip
        assert words in body, words
    other = body.split("### Does not apply")[1]
    assert "It is an encoder &#38; expects no next token." in other
    assert "Other 1.5B" in other


def test_examples_keep_their_lines_and_nothing_in_them_is_markup(tiny: Contents) -> None:
    body = task_page("copying", holding(tiny, cell())).body
    examples = body.split("## Examples")[1].split("## Roles")[0]
    assert "<pre>One&#10;two, &#42;one&#42;</pre>" in examples
    assert "<code>two</code>" in examples
    assert "<code>&#60;b&#62;</code>, <code>one</code>" in examples
    assert verbatim("  a\x00\u202eb") == "  ab"


def test_what_is_empty_has_no_heading(tiny: Contents) -> None:
    body = task_page("copying", holding(tiny, cell(examples=[], roles={}, dropped={}, source=None))).body
    for heading in ("## Examples", "## Roles", "### Items left out", "### Does not apply", "## Head types that ask"):
        assert heading not in body
    assert "the task is ours" in body
    only = task_page("copying", holding(tiny, inapplicable())).body
    assert "<table" not in only
    assert "<figure" not in only


def test_an_unknown_paper_is_named_without_a_link(tiny: Contents) -> None:
    body = task_page("copying", holding(tiny, cell(source="nobody-1999"))).body
    assert "nobody-1999" in body
    assert "papers/nobody-1999" not in body


def test_the_newest_record_describes_the_task(tiny: Contents) -> None:
    newer = cell(model="other-1.5b", description="New words.").model_copy(
        update={"environment": cell().environment.model_copy(update={"finished": "2026-12-01"})}
    )
    for cells in ((cell(), newer), (newer, cell())):
        assert task_page("copying", holding(tiny, *cells)).description == "New words."


def test_tasks_and_head_types_link_to_each_other(tiny: Contents) -> None:
    task = task_page("repeated-tokens", tiny).body.split("## Head types that ask it")[1]
    assert 'href="@/heads/induction/#on-tiny"' in task
    head = head_page(tiny.survey.head_types["induction"], tiny).body
    assert '<a href="@/tasks/repeated-tokens/">Repeated tokens</a>: repeats are predicted' in head
    without = head_page(tiny.survey.head_types["induction"], holding(tiny)).body
    assert "Repeated tokens: repeats are predicted" in without
    assert "@/tasks/" not in without


def test_a_model_page_lists_what_it_can_do(tiny: Contents) -> None:
    cells = (cell(), cell(task="adding", verdict="absent", interval=[0.5, 0.96]), inapplicable(task="singing"))
    body = model_page(tiny.survey.models["tiny"], holding(tiny, *cells)).body
    section = body.split("## What it can do")[1].split("## Verdicts")[0]
    assert "verdict--present" in row_of(section, "tasks/copying/#on-tiny")
    assert "verdict--absent" in row_of(section, "tasks/adding/#on-tiny")
    assert "It is an encoder" in section.split("<summary>Tasks that do not apply</summary>")[1]
    assert "## What it can do" not in model_page(tiny.survey.models["tiny"], holding(tiny)).body


def test_a_paper_names_the_tasks_that_come_from_it(tiny: Contents) -> None:
    body = paper_page(tiny.survey.papers["olsson-2022-induction-heads"], holding(tiny, cell())).body
    assert '<dt>Asked here</dt> <dd><a href="@/tasks/copying/">Copying</a></dd>' in body


def test_without_records_there_is_one_page_and_no_link_to_it(tiny: Contents) -> None:
    bare = dataclasses.replace(tiny, capabilities=(), series=())
    pages = made_pages(bare)
    assert [page.path for page in pages if page.path.startswith("tasks/")] == ["tasks/index"]
    assert "No model has been asked yet" in tasks_index(bare).body
    assert [page.path for page in pages if any(target.startswith("tasks/") for target in page.targets)] == []
    assert "capability.csv" not in export_files(bare)
    assert "tasks/" in home_page(tiny).targets


def test_records_of_models_and_tasks_that_are_gone_are_shown_nowhere_and_reported(tiny: Contents) -> None:
    gone = dataclasses.replace(
        holding(tiny, cell(), cell(model="gone"), cell(task="forgotten")), task_files=frozenset({"copying"}), series=()
    )
    assert gone.unplaced == ["gone/tasks/copying", "tiny/tasks/forgotten"]
    assert gone.tasks == ["copying"]
    assert [one.model for one in gone.cells_of("copying")] == ["tiny"]
    assert "records/gone/tasks/copying.json" not in export_files(gone)


def test_gathering_reads_the_names_of_task_files_and_no_more(tmp_path: Path) -> None:
    root = write_tiny_survey(tmp_path)
    for name in ("methods", "benchmarks"):  # they name modules and tasks that this checkout would have to have
        (root / f"background/{name}.yml").unlink()
    (root / "results").mkdir()
    assert gather(root, [root / "results"]).task_files is None
    (root / TASK_FILES).mkdir(parents=True)
    (root / TASK_FILES / "__init__.py").write_text("", encoding="utf-8")
    (root / TASK_FILES / "needle_paraphrased.py").write_text("this is no Python", encoding="utf-8")
    assert gather(root, [root / "results"]).task_files == {"needle-paraphrased"}


def test_a_broken_cell_is_named(tmp_path: Path) -> None:
    root = write_tiny_survey(tmp_path)
    path = ResultStore(root / "results").put_capability(cell())
    path.write_text(path.read_text(encoding="utf-8").replace('"present"', '"absent"'), encoding="utf-8")
    with pytest.raises(RecordError, match=r"copying\.json: .*verdict 'absent' contradicts interval"):
        gather(root, [root / "results"])


def test_the_table_is_exported_as_json_and_csv(tiny: Contents) -> None:
    files = export_files(holding(tiny, cell(), inapplicable(model="other-1.5b")))
    rows = list(csv.DictReader(io.StringIO(files["capability.csv"])))
    assert [(row["task"], row["model"], row["value"], row["low"]) for row in rows] == [
        ("copying", "other-1.5b", "", ""), ("copying", "tiny", "0.92", "0.87"),
    ]  # fmt: skip
    as_json = json.loads(files["capability.json"])
    assert [row["verdict"] for row in as_json] == ["does not apply", "present"]
    listed = json.loads(files["survey.json"])["capabilities"]
    assert CapabilityRecord.model_validate_json(files[listed[1]["record"]]) == cell()


def test_a_run_without_a_capability_names_no_task(tiny: Contents) -> None:
    runs = (record(model="tiny", capability=None),)
    contents = dataclasses.replace(tiny, records=runs)
    assert contents.task_of("induction") is None
    assert contents.asking("repeated-tokens") == []
