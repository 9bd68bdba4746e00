"""Rules for summaries: length, templates, and numbers that must stand in what was read."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from survey_tools.cli import main
from survey_tools.errors import KnowledgeError
from survey_tools.knowledge.check import check
from survey_tools.knowledge.summaries import MAX_ENTRIES, MAX_WORDS, frame, numbers_of_text, sentences, words

PATH = "papers/olsson-2022-induction.yml"
TEMPLATE = "papers/paper-{}.yml"
INNOVATION, METHOD, RESULT = "It is one and the same.", "We do it in a lab.", "A bump is in the loss."


def write_papers(tree, innovations: list[str]) -> None:
    """One paper for each text, the other two parts of its summary unlike any other's."""
    for i, text in enumerate(innovations):
        paper = tree.text(PATH).replace("olsson-2022-induction", f"paper-{i}").replace("2209.11895", f"2301.{i:05d}")
        paper = paper.replace(INNOVATION, f'"{text}"')
        paper = paper.replace(METHOD, f"Method{i} " * 6).replace(RESULT, f"Result{i} " * 6)
        tree.write(TEMPLATE.format(i), paper)


# ---------------------------------------------------------------- length


@pytest.mark.parametrize(
    ("count", "fits"), [(1, False), (5, False), (6, True), (MAX_WORDS, True), (MAX_WORDS + 1, False)]
)
def test_a_part_has_6_to_60_words(tree, count, fits):
    tree.replace(PATH, RESULT, " ".join(["word"] * count))
    if fits:
        assert tree.check() == []
    else:
        problem = tree.only()
        assert (problem.line, problem.column) == tree.position(PATH, "word")
        assert problem.field == "summary.result"
        assert problem.message == f"has {count} words; a part of a summary has 6 to 60"


# ---------------------------------------------------------------- frames and openings


@pytest.mark.parametrize(
    ("sentence", "shape"),
    [
        ("It is shown that the heads of a model copy names.", "it is _ that the _ of a _"),
        ("IT IS found that the 26 best heads of a small-scale model don't!", "it is _ that the _ of a _"),
        ("Finds heads of a model.", ""),  # two function words: too few to tell
    ],
)
def test_the_frame_of_a_sentence(sentence, shape):
    assert frame(words(sentence)) == shape


def test_sentences_are_told_apart():
    assert sentences("What is it? Nobody knows. 26 heads do, e.g. in layer 5.") == [
        "What is it?",
        "Nobody knows.",
        "26 heads do, e.g. in layer 5.",
    ]


NOUNS = ("tokens", "names", "verbs", "digits", "colours", "places")


@pytest.mark.parametrize(
    ("template", "words_"),
    [
        ("{0} are what the best of all {0} copy.", "the frame of a sentence '_ are what the _ of all _' stands in 6"),
        ("Large language models copy {0}, {0}, {0}.", "the opening of a sentence 'large language models copy' stands"),
        ("Nothing was known. What the head does with {0} is that.", "opening of a sentence 'what the head does'"),
    ],
)
def test_a_template_is_found_in_more_than_five_entries(tree, template, words_):
    write_papers(tree, [template.format(noun) for noun in NOUNS[:MAX_ENTRIES]])
    assert tree.check() == []
    write_papers(tree, [template.format(noun) for noun in NOUNS])
    problems = [problem for problem in tree.check() if words_ in problem.message]
    assert [problem.path for problem in problems] == [TEMPLATE.format(i) for i in range(6)]
    for problem in problems:
        line, column = tree.position(problem.path, "innovation: ")
        assert (problem.line, problem.column) == (line, column + len("innovation: "))
        assert problem.field == "summary.innovation"
    assert problems[0].hint == "say it in other words; also in paper-1, paper-2, paper-3, ..."


def test_one_entry_may_repeat_itself(tree):
    text = " ".join(f"They copy {noun} and only that of all." for noun in NOUNS)
    write_papers(tree, [text])
    assert tree.check() == []


def test_short_frames_meet_by_chance(tree):
    write_papers(tree, [f"{noun.capitalize()} copy {noun} of many long {noun}." for noun in NOUNS])
    assert tree.check() == []


# ---------------------------------------------------------------- numbers


def with_text(tree, summary: str, text: str):
    tree.replace(PATH, f"innovation: {INNOVATION}", f'innovation: "{summary}"')
    tree.write("texts/olsson-2022-induction.txt", text)
    return check(tree.root, sources=tree.root / "texts")


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        ("of all heads 26 are in it", "We find 26 heads."),
        ("of all heads 26 are in it", "we find 26heads (26%)"),
        ("about 1,000 prompts and 1000 more were read", "1000 prompts"),
        ("about 12000 prompts and no more were read", "12,000 prompts"),
        ("about 12000 prompts and no more were read", "12{,}000 prompts, 12\u2009000 of them"),
        ("it was right in 41.5% of all cases", "41.5 per cent"),
        ("it was right in 41.5 % of all cases", "(41.5\\%)"),
        ("it was right by 0.5 and .5 again", "by .5 and 0.50"),
        ("the heads are 2 in this model", "a two-layer model has Two heads"),
        ("GPT-2 and Llama-3.1-8B have L5H1 and Q4_1", "nothing"),
        ("from 5-10 layers to 12–14 of them", "5, 10, 12, 14"),
        ("in layers 1,2 of this small model", "1 and 2"),
        ("models of 1.4B parameters and 7B ones", "1.4B, 7B"),
    ],
)
def test_numbers_that_stand_in_the_text(tree, summary, text):
    assert with_text(tree, summary, text) == []


@pytest.mark.parametrize(
    ("summary", "text", "number"),
    [
        ("of all heads 27 are in it", "We find 26 heads of 127, 270.", "27"),
        ("it was right in 41.5% of all cases", "41 or 0.415", "41.5"),
        ("about 12,000 prompts and no more were read", "12,001 and 12 000", "12,000"),
        ("from 5-11 layers to 12 of them", "5, 10, 12", "11"),
        ("the heads are 21 in this model", "twenty-one", "21"),
    ],
)
def test_numbers_that_do_not(tree, summary, text, number):
    (problem,) = with_text(tree, summary, text)
    line, column = tree.position(PATH, summary)
    assert (problem.path, problem.line, problem.column) == (PATH, line, column + summary.index(number))
    assert problem.message == f"the number {number} does not stand in olsson-2022-induction.txt"


def test_the_place_of_a_number_in_folded_text(tree):
    tree.replace(
        PATH,
        f"{{innovation: {INNOVATION}, method: {METHOD}, result: {RESULT}}}",
        f"\n  innovation: >-\n    of 127 heads in all\n    there are 27 in it\n  method: {METHOD}\n  result: {RESULT}",
    )
    tree.write("texts/olsson-2022-induction.txt", "127")
    (problem,) = check(tree.root, sources=tree.root / "texts")
    assert (problem.line, problem.column) == tree.position(PATH, "27 in it")


def test_the_place_of_a_number_is_not_inside_another(tree):
    (problem,) = with_text(tree, "by 0.5 or 5.25 or 5,000 or 5 in all", "0.5, 5.25, 5000")
    assert (problem.line, problem.column) == tree.position(PATH, "5 in all")


def test_every_wrong_number_is_reported(tree):
    found = with_text(tree, "of 11 and 12 and 13 there are", "12")
    assert [problem.message.split()[2] for problem in found] == ["11", "13"]


def test_a_folder_without_a_text_of_ours_is_an_error(tree):
    (tree.root / "texts").mkdir()
    with pytest.raises(KnowledgeError, match=r"holds no text of a paper; a text is called <id of the paper>\.txt"):
        check(tree.root, sources=tree.root / "texts")


def test_words_of_numbers_are_numbers_too():
    assert numbers_of_text("Twenty of ten heads, 1.50 times.") == {"20", "10", "1.50"}


def test_the_command_takes_the_folder(tree):
    with_text(tree, "of all heads 27 are in it", "26")
    done = CliRunner().invoke(main, ["check", "--root", str(tree.root), "--sources", str(tree.root / "texts")])
    assert done.exit_code == 1
    assert "the number 27 does not stand" in done.output
    assert CliRunner().invoke(main, ["check", "--root", str(tree.root)]).exit_code == 0
