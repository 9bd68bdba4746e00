from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from site_samples import record, write_tiny_survey
from training_samples import BEST, TOKENS, losses, series

from survey_tools.errors import RecordError
from survey_tools.results.series import SeriesRecord
from survey_tools.results.store import ResultStore
from survey_tools.site.appearance import amount, appearance, loss_at, stays_from, universal
from survey_tools.site.contents import Contents, gather
from survey_tools.site.emergence_page import emergence_page
from survey_tools.site.exports import export_files
from survey_tools.site.head_page import head_page
from survey_tools.site.model_page import model_page
from survey_tools.site.pages import made_pages


def holding(contents: Contents, *records: SeriesRecord) -> Contents:
    return dataclasses.replace(contents, series=records)


def seed_rows(body: str) -> list[str]:
    """Rows of the tables with one row a seed."""
    return [row.split("</tr>")[0] for row in body.split("<tr>") if row.startswith("<td><strong>")]


@pytest.mark.parametrize(
    ("values", "first"),
    [
        ([0.3, 0.1, 0.2, 0.5], 2),
        ([0.2, 0.2], 0),
        ([0.5, 0.19], None),
        ([0.5, None, 0.5], 2),
        ([0.5, None], None),
        ([], None),
    ],
)
def test_it_has_appeared_where_it_stays(values: list[float | None], first: int | None) -> None:
    assert stays_from(values, 0.2) == first


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (512, "512"), (65_536, "66 thousand"), (99_999, "100 thousand"), (620_000, "0.62 million"),
     (1_250_000, "1.2 million"), (99_000_000, "99 million"), (300_000_000_000, "300 billion")],
)  # fmt: skip
def test_amounts_in_words(count: int, words: str) -> None:
    assert amount(count) == words


def test_an_appearance_by_hand() -> None:
    found = appearance(series(0))
    assert found.best == BEST[0], "the early 0.25 did not stay"
    assert found.first == 3, "0.2 is enough"
    assert found.at is not None
    assert found.before is not None
    assert (found.before.tokens, found.at.tokens) == (10_000, 600_000)
    assert [(one.layer, one.head, one.difference) for one in found.heads] == [(1, 1, 0.9)]


def test_heads_that_were_not_measured_are_passed_over() -> None:
    scores = [[[None, 0.4], [0.9, None]], [[None, None], [None, None]]]
    two = series(
        checkpoints=[point.model_dump() for point in series().checkpoints[:2]], layers=2, heads=[2, 2], scores=scores,
        controls=[[[0.1, 0.1], [None, 0.1]]] * 2,
    )  # fmt: skip
    assert appearance(two).best == (0.3, None)
    assert appearance(two).first is None


def test_without_a_minimum_effect_nothing_appears() -> None:
    found = appearance(series(minimum_effect=None))
    assert (found.first, found.heads) == (None, ())


def test_what_is_universal_is_said_with_its_numbers() -> None:
    found = {seed: appearance(series(seed)) for seed in BEST}
    weak = appearance(series(0, minimum_effect=0.95))
    assert universal(list(found.values())) == (
        "Appears in 3 of 3 seeds, between 0.6 and 0.9 million tokens; at the end the best head is in layers 1, 1 and 2."
    )
    assert universal([found[0], found[1]]).endswith("the best head is in layer 1 in each of them.")
    assert (
        universal([found[0]])
        == "Appears in the only seed, by 0.6 million tokens; at the end the best head is in layer 1."
    )
    assert universal([found[0], weak]).startswith("Appears in 1 of 2 seeds, by 0.6 million tokens")
    assert universal([weak, weak]) == "Appears in none of 2 seeds."
    assert universal([weak]) == "Does not appear in the only seed."


def test_units_are_named_twice_where_they_differ() -> None:
    early = series(0, scores=[[[0.9] * 2] * 3] * len(TOKENS))
    late = series(1)
    assert "between 0 and 0.9 million tokens" in universal([appearance(early), appearance(late)])
    first = [1000, 2000, 3000, 4000, 5000, 6000]
    points = [{"step": tokens, "tokens": tokens, "weights": "x"} for tokens in first]
    assert "between 4 thousand and 0.9 million" in universal(
        [appearance(series(0, checkpoints=points)), appearance(late)]
    )


def test_a_loss_is_looked_up_by_its_step() -> None:
    record = losses()
    curve = record.tasks["repeated-tokens"]
    there = series().checkpoints[3]
    assert loss_at(curve, record.checkpoints, there) == 4.0
    assert loss_at(curve, record.checkpoints, None) is None
    assert loss_at(curve, record.checkpoints, there.model_copy(update={"step": 7})) is None


def test_the_page_has_a_section_a_family_with_every_seed(tiny: Contents) -> None:
    body = emergence_page(tiny).body
    assert body.count("## Tiny") == 1
    assert "Appears in 3 of 3 seeds, between 0.6 and 0.9 million tokens" in body
    rows = seed_rows(body)
    assert len(rows) == 3
    for words in ("0.6 million tokens", "not at 10 thousand", ">600<", "5.900", "4.000", "0.250", "L1H1 0.9"):
        assert words in rows[0], words
    assert "0.9 million tokens" in rows[1]
    assert "L2H1 0.7" in rows[2]
    assert body.count("<figure") == 2, "induction with its loss, and the loss of the one task"
    assert "the loss of <a" in body
    assert "data-search-exclude" in body


def test_a_series_says_when_and_the_run_record_whether(tiny: Contents) -> None:
    body = emergence_page(tiny).body
    assert "A series says **when**" in body
    assert 'verdict--reproduced">reproduced</span>, by <a href="@/heads/induction/#on-tiny">its run record</a>' in body
    open_yet = emergence_page(dataclasses.replace(tiny, records=())).body
    assert "so it is open whether these heads count" in open_yet


def test_a_type_without_a_known_task_stands_without_a_loss(tiny: Contents) -> None:
    runs = (record(model="tiny", capability=None),)
    body = emergence_page(dataclasses.replace(tiny, records=runs)).body
    assert "<strong>Below</strong>" not in body
    assert "loss before" not in body
    assert "appears by" in body


def test_a_seed_whose_losses_are_missing_has_dashes(tiny: Contents) -> None:
    body = emergence_page(holding(tiny, series(0), series(1), losses(0))).body
    rows = seed_rows(body)
    assert "4.000" in rows[0]
    assert rows[1].count(">–<") == 3


def test_types_stand_in_the_order_in_which_they_appear(tiny: Contents) -> None:
    late = series(0, entry="duplicate-token", minimum_effect=0.85)
    never = series(0, entry="nasty", minimum_effect=2.0)
    body = emergence_page(holding(tiny, never, late, series(0))).body
    assert body.index("### Induction Head") < body.index("### Duplicate Token Head") < body.index("-nasty }")
    assert "never" in body


def test_losses_alone_are_shown_without_an_empty_table(tiny: Contents) -> None:
    body = emergence_page(holding(tiny, losses(0))).body
    assert "<table" not in body
    assert body.count("<figure") == 1
    assert "At the end: seed 0 0.25 nats." in body


def test_head_and_model_pages_link_to_the_training(tiny: Contents) -> None:
    head = head_page(tiny.survey.head_types["induction"], tiny).body
    assert '<a href="@/emergence/#on-tiny-induction">Tiny, seed by seed</a>: Appears in 3 of 3 seeds' in head
    assert "### While training" not in head_page(tiny.survey.head_types["duplicate-token"], tiny).body
    assert "emergence/#on-tiny-induction" in model_page(tiny.survey.models["tiny"], tiny).body


def test_without_records_there_is_one_page_and_no_link_to_it(tiny: Contents) -> None:
    bare = holding(tiny)
    assert "No training has been measured yet" in emergence_page(bare).body
    linking = [page.path for page in made_pages(bare) if any(one.startswith("emergence/") for one in page.targets)]
    assert linking == []


def test_series_of_unknown_models_and_types_are_shown_nowhere_and_reported(tiny: Contents) -> None:
    contents = holding(tiny, series(0, model="gone"), series(0, entry="gone"), losses(2))
    assert contents.unplaced == ["gone/series/induction-0", "tiny/series/gone-0"]
    assert contents.types_in_training("tiny") == []
    assert [model.id for model in contents.families] == ["tiny"]
    assert not any("gone" in path for path in export_files(contents))


def test_series_are_exported_whole(tiny: Contents) -> None:
    files = export_files(tiny)
    listed = json.loads(files["survey.json"])["series"]
    assert [(one["entry"], one["seed"]) for one in listed] == [
        ("induction", 0), ("induction", 1), ("induction", 2), ("losses", 0), ("losses", 1), ("losses", 2),
    ]  # fmt: skip
    assert SeriesRecord.model_validate_json(files[listed[1]["record"]]) == series(1)


def test_a_broken_series_is_named(tmp_path: Path) -> None:
    root = write_tiny_survey(tmp_path)
    path = ResultStore(root / "results").put_series(series())
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "scores": []}), encoding="utf-8")
    with pytest.raises(RecordError, match=r"induction-0\.json: .*matrix for each of 6 checkpoints"):
        gather(root, [root / "results"])
