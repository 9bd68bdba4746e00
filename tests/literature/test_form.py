"""The body of an issue made by the form: data of strangers, cut to size and checked."""

import pytest

from survey_tools.errors import LiteratureError
from survey_tools.knowledge.check import check
from survey_tools.knowledge.records import Summary
from survey_tools.literature.add import add_paper, wanted_by_form
from survey_tools.literature.form import LABELS, LONGEST_BODY, read_form

NEW = "Describes heads that repeat what they read a moment ago."
HOW = "Ablates each head of a small model and looks at the loss."
OUT = "Seven heads carry most of the repetition, all of them late."
BIBTEX = "@misc{e, title={Echo Heads}, author={Li, Bo}, year=2026, eprint={2611.01234}, archiveprefix={arXiv}}"


def body(**answers):
    parts = []
    for name, label in LABELS.items():
        parts.append(f"### {label}\n\n{answers.get(name, '_No response_')}\n")
    return "\n".join(parts)


def test_all_answers():
    answers = read_form(
        body(
            identifier="arxiv:2611.01234",
            bibtex=f"```bibtex\n{BIBTEX}\n```",
            heads="induction, Name Mover Head; nmh\n- previous-token\n- [x] mover\n- [ ] retrieval\ninduction",
            innovation=NEW,
            method=HOW.replace(" and", "\n\nand"),
            result=OUT,
            read="abstract",
            notes="See @someone\u202e",
        ).replace("\n", "\r\n")
    )
    assert answers.identifier == "arxiv:2611.01234"
    assert answers.bibtex == BIBTEX
    assert answers.heads == ("induction", "Name Mover Head", "nmh", "previous-token", "mover")
    assert answers.own_words.summary == Summary(innovation=NEW, method=HOW, result=OUT)
    assert answers.own_words.source == "abstract"
    assert answers.notes == "See @someone"


def test_no_response_is_empty():
    answers = read_form(body(identifier="2611.01234"))
    assert (answers.identifier, answers.bibtex, answers.heads, answers.own_words, answers.notes) == (
        "2611.01234",
        "",
        (),
        None,
        "",
    )


@pytest.mark.parametrize("empty", ["```bibtex\n\n```", "```bibtex\n```", "```bibtex\n_No response_\n```", ""])
def test_an_empty_field_of_code_is_empty(empty):
    assert read_form(body(identifier="2611.01234", bibtex=empty)).bibtex == ""
    with pytest.raises(LiteratureError, match="the form names no paper"):
        read_form(body(bibtex=empty))


def test_other_headings_belong_to_the_answer():
    answers = read_form(body(identifier="2611.01234", notes="a\n### Mine\nb\n#### Identifier\n###Identifier"))
    assert answers.notes == "a ### Mine b #### Identifier ###Identifier"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this is not the form: no heading '### Identifier' in it"),
        ("hello", "this is not the form"),
        (body(), "the form names no paper: answer 'Identifier' or 'BibTeX'"),
        (body(identifier="x" * 301), "'Identifier' is 301 characters long; at most 300 are taken"),
        (body(identifier="2611.01234", method="x" * 1001), "'Summary: how' is 1,001 characters long; at most 1,000"),
        (body(identifier="2611.01234", notes="### Identifier\n1234.56789"), "'### Identifier' stands twice"),
        (body(identifier="2611.01234", heads=",".join(map(str, range(31)))), "'Head types' lists 31 types; at most 30"),
        ("x" * (LONGEST_BODY + 1), "the form is 66,001 characters long; an issue has at most 65,536"),
        (
            body(identifier="2611.01234", innovation=NEW, result=OUT, read="abstract"),
            "the summary is half written: 'Summary: how' is empty",
        ),
        (
            body(identifier="2611.01234", innovation=NEW, method=HOW, result=OUT),
            "the summary is half written: 'What was read' is empty",
        ),
        (
            body(identifier="2611.01234", innovation="New heads.", method=HOW, result="Seven.", read="abstract"),
            "'Summary: what is new' has 2 words, 'Summary: what came out' has 1 word; each part of a summary has 6",
        ),
    ],
)
def test_refusals(text, message):
    with pytest.raises(LiteratureError) as error:
        read_form(text)
    assert message in str(error.value)


def test_the_draft_has_the_summary_and_passes_the_check(tree):
    text = body(bibtex=BIBTEX, heads="induction", innovation=NEW, method=HOW, result=OUT, read="abstract", notes="Hi")
    draft = add_paper(tree.root, wanted_by_form(text, offline=True))
    assert draft.paper.summary == Summary(innovation=NEW, method=HOW, result=OUT)
    assert draft.paper.summary_source == "abstract"
    assert "summary" not in draft.paper.missing
    assert [use.id for use in draft.paper.head_types] == ["induction"]
    assert draft.remarks == ("Note of the contributor: Hi",)
    assert check(tree.root, [draft.path]) == []
    assert "Hi" not in draft.text


def test_a_type_that_is_new_is_kept_in_view(tree):
    """A paper that introduces a type is the usual reason to add it."""
    draft = add_paper(tree.root, wanted_by_form(body(bibtex=BIBTEX, heads="nmh\nEcho Head\ninducton"), offline=True))
    assert [use.id for use in draft.paper.head_types] == ["name-mover"]
    assert draft.paper.missing[:2] == (
        "head_types: named by the contributor: no head type is called 'Echo Head'; `survey new-head` drafts a new one",
        "head_types: named by the contributor: no head type is called 'inducton'; did you mean 'induction'?",
    )
    assert check(tree.root, [draft.path]) == []


@pytest.mark.parametrize(
    "hostile",
    [
        "arxiv:2611.01234; curl example.org",
        "../../papers/wang-2022-ioi",
        "$(touch x)",
        "https://127.0.0.1:1/abs/2611.01234",
        "{{ secrets }}",
    ],
)
def test_an_identifier_is_nothing_but_an_identifier(tree, hostile):
    before = sorted(tree.root.rglob("*"))
    with pytest.raises(LiteratureError, match="names no paper that can be looked up"):
        add_paper(tree.root, wanted_by_form(body(identifier=hostile)))
    assert sorted(tree.root.rglob("*")) == before


def test_hostile_text_stays_text(tree):
    """YAML that tries to add fields, in every place where text may stand."""
    evil = 'x: [y]\n"\nschema_version: 2 # !!python/object &a *a {{x}} ' + NEW
    bibtex = BIBTEX.replace("Echo Heads", "Echo: [x], #y &z *w !!v | > % @ `").replace("Li, Bo", "{- a: b}, {*c}")
    text = body(bibtex=bibtex, innovation=evil, method=evil, result=evil, read="x: y # z")
    draft = add_paper(tree.root, wanted_by_form(text, offline=True))
    assert check(tree.root, [draft.path]) == []
    assert draft.paper.summary.innovation.startswith('x: [y] " schema_version: 2 # !!python/object')
    assert draft.paper.title == "Echo: [x], #y &z *w !!v | > % @ `"
