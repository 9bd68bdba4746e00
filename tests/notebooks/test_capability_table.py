"""The capability table: what makes a cell stale, what its record says, when a detection may rely on it."""

import dataclasses
from pathlib import Path

import pytest
from click.testing import CliRunner

from survey_tools.cli import main
from survey_tools.errors import DetectionError
from survey_tools.heads.methods.controls import planted_model
from survey_tools.heads.tasks import load_task, task_ids
from survey_tools.knowledge.survey import load_survey
from survey_tools.notebooks.capability import cell_digest, known_abilities, measure_cells, standing
from survey_tools.notebooks.reach import PackageSource, installed
from survey_tools.results.store import ResultStore

REPOSITORY = Path(__file__).resolve().parents[2]
ITEMS = 6


@pytest.fixture(scope="module")
def entry():
    return load_survey(REPOSITORY).models["planted-gpt2"]


@pytest.fixture(scope="module")
def model():
    return dataclasses.replace(planted_model(), id="planted-gpt2")


@pytest.fixture
def measured(tmp_path, entry, model):
    store = ResultStore(tmp_path)
    tasks = [load_task("indirect-object"), load_task("repeated-tokens"), load_task("antonym")]
    return store, measure_cells(entry, model, tasks, ITEMS, store, REPOSITORY)


def test_a_record_tells_what_was_asked_and_how_well_it_went(measured, model):
    store, (names, tokens, words) = measured
    assert names.verdict == "present"
    assert names.value == 1.0
    assert (names.items, names.chance, names.needed, names.on_twin) == (ITEMS, 0.5, 0.5, 0.0)
    assert names.model_digest == model.digest
    assert names.examples[0].right
    assert names.roles["io"] == "the indirect object"
    assert tokens.unit == "nats"
    assert tokens.interval[0] < tokens.value < tokens.interval[1]
    assert words.verdict == "does not apply"
    assert "a word that the tokenizer does not know" in words.reason
    stored = {record.task: record for record in store.capabilities()}
    assert list(stored) == ["antonym", "indirect-object", "repeated-tokens"]
    assert stored["antonym"] == words
    assert stored["repeated-tokens"].value == pytest.approx(tokens.value, rel=1e-5)


def test_a_cell_is_fresh_until_its_task_the_weights_or_the_number_of_items_change(measured, entry):
    store, _ = measured
    assert standing(store, "indirect-object", entry, ITEMS) == "fresh"
    assert standing(store, "indirect-object", entry, ITEMS - 1) == "fresh"
    assert standing(store, "indirect-object", entry, 200) == f"stale: {ITEMS} items were asked for, now 200"
    assert standing(store, "succession", entry, ITEMS) == "missing"
    other = entry.model_copy(update={"dtype": "bfloat16"})
    assert standing(store, "indirect-object", other, ITEMS) == "stale: model changed"
    assert standing(store, "indirect-object", entry, ITEMS, measured[1][0].model_digest) == "fresh"
    assert standing(store, "indirect-object", entry, ITEMS, "converted otherwise") == "stale: other weights"
    (store.folders[0] / "planted-gpt2" / "tasks" / "indirect-object.json").write_text("{")
    assert standing(store, "indirect-object", entry, ITEMS).startswith("stale: ")


class Edited(PackageSource):
    """The package with one module's text exchanged."""

    def __init__(self, name, change):
        super().__init__(installed().folder)
        self._edited, self._change = name, change

    def module(self, name):
        if name == self._edited and name not in self._modules:
            path = self.path_of(name)
            text = self._change(path.read_text())
            self._modules[name] = self.read(name, text, package=path.name == "__init__.py")
        return super().module(name)


def changed(entry, task, name, change=lambda text: text + "\nCHANGED = 1\n"):
    before, after = cell_digest(task, entry), cell_digest(task, entry, Edited(f"survey_tools.heads.{name}", change))
    return {part for part in before if before[part] != after[part]}


def test_the_digest_follows_what_can_change_a_number(entry):
    assert changed(entry, "indirect-object", "tasks.indirect_object") == {"task"}
    assert changed(entry, "indirect-object", "words.people") == {"task"}
    assert changed(entry, "indirect-object", "tasks.antonym") == set()
    assert changed(entry, "indirect-object", "prompts.rendering") == {"reading"}
    assert changed(entry, "indirect-object", "capability") == {"reading"}
    assert changed(entry, "indirect-object", "tasks.indirect_object", lambda text: "# prose\n" + text) == set()
    assert changed(entry, "indirect-object", "interception.calls") == set()


def test_every_task_has_a_digest_of_its_own(entry):
    digests = [cell_digest(task, entry) for task in task_ids()]
    assert len({parts["task"] for parts in digests}) == len(digests)
    assert len({parts["reading"] for parts in digests}) == 1


def test_a_detection_relies_on_fresh_cells_of_the_same_weights_only(measured, model):
    store, (names, *_) = measured
    asked = ["indirect-object", "antonym", "succession"]
    known = known_abilities(store, model, asked)
    assert list(known) == ["indirect-object"], "what does not apply or was never measured is measured anew"
    assert known["indirect-object"].present
    assert known["indirect-object"].low == pytest.approx(names.interval[0], rel=1e-5)
    assert known_abilities(store, dataclasses.replace(model, digest="other"), asked) == {}
    assert known_abilities(store, dataclasses.replace(model, id="owner/name"), asked) == {}
    stale = names.model_copy(update={"digest_parts": {**names.digest_parts, "task": "old"}})
    store.put_capability(stale)
    assert known_abilities(store, model, asked) == {}


def survey(*arguments):
    return CliRunner().invoke(main, ["tasks", *arguments], catch_exceptions=False)


def test_run_measures_what_is_due_and_leaves_what_is_fresh(tmp_path):
    where = ["--model", "planted-gpt2", "--items", "4", "--results", str(tmp_path), "--root", str(REPOSITORY)]
    first = survey("run", "indirect-object", *where)
    assert first.exit_code == 0, first.output
    assert "indirect-object: present, 100% of 4 items" in first.output
    assert "planted-gpt2: all 1 cells are fresh." in survey("run", "indirect-object", *where).output
    again = survey("run", "indirect-object", *where, "--force")
    assert "indirect-object: present" in again.output
    table = survey("table", "--results", str(tmp_path), "--root", str(REPOSITORY))
    assert [line.split() for line in table.output.splitlines()] == [
        ["task", "planted-gpt2"],
        ["indirect-object", "1.00"],
    ]


def test_mistakes_are_one_sentence(tmp_path):
    where = ["--results", str(tmp_path), "--root", str(REPOSITORY)]
    unknown = survey("run", "indirect-object", "--model", "planted-gpt", *where)
    assert unknown.exit_code == 2
    assert "there is no entry for model 'planted-gpt'; did you mean 'planted-gpt2'" in unknown.output
    task = survey("run", "indirect-objekt", "--model", "planted-gpt2", *where)
    assert task.exit_code == 2
    assert "did you mean 'indirect-object'?" in task.output
    assert survey("run", "--model", "planted-gpt2", "--items", "1", *where).exit_code == 2
    with pytest.raises(DetectionError, match="there are: "):
        load_task("zzz")


def test_tasks_can_be_listed_and_shown():
    listed = survey("list")
    assert listed.exit_code == 0
    assert all(task in listed.output for task in task_ids())
    shown = survey("show", "indirect-object", "--items", "1").output
    assert "prompt" in shown
    assert "io: " in shown
    assert "twin" in shown
    assert "drawn at random" in survey("show", "repeated-tokens").output
