"""Head types in running text: the longest name, any case, plurals, lists; and what is no head at all."""

import pytest

from survey_tools.knowledge.records import Definition, HeadType, Plan, Planned
from survey_tools.literature.head_names import HeadNames, is_on_heads, names_heads


def head_type(head_id, name, *aliases):
    return HeadType(
        schema_version=1,
        id=head_id,
        name=name,
        aliases=aliases,
        staging=None,
        summary="x",
        definition=Definition(attends_to="x", writes="x", formula="x"),
        detection=Planned(planned=Plan(how="x", needs="x")),
    )


NAMES = HeadNames(
    [
        head_type("induction", "Induction Head"),
        head_type("semantic-induction", "Semantic Induction Head"),
        head_type("name-mover", "Name Mover Head", "NMH", "Name_Mover_Head"),
        head_type("negative-name-mover", "Negative Name Mover Head"),
        head_type("mover", "Mover Head"),
        head_type("previous-token", "Previous Token Head", "Previous_Head"),
        head_type("function-vector", "Function Vector Head", "Function Vector", "FV Head"),
        head_type("associative-memories", "Associative Memories", "Associative Memory"),
        head_type("summary-reader", "Summary Reader"),
        head_type("n-gram", "N-gram Head"),
        head_type("inhibition", "Inhibition Head", "S_Inhibition"),
        head_type("retrieval", "Retrieval Head"),
        head_type("contrastive-retrieval", "Contrastive Retrieval Head", "CoRe Head"),
        head_type("query-focused-retrieval", "Query-Focused Retrieval Head", "QRHead"),
        head_type("fv-writer", "Function Vector Writer Head", "Writer"),
        head_type("hallucination", "Hallucination Head"),
        head_type("addition", "Addition Head"),
        head_type("reasoning", "Reasoning Head"),
    ]
)


def ids(text):
    return [proposal.id for proposal in NAMES.find(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("An induction head.", ["induction"]),
        ("INDUCTION HEADS", ["induction"]),
        ("induction attention heads", ["induction"]),
        ("Semantic induction heads differ.", ["semantic-induction"]),
        ("semantic induction heads and induction heads", ["semantic-induction", "induction"]),
        ("Negative Name-Mover Heads", ["negative-name-mover"]),
        ("name‑mover and name mover heads", ["name-mover"]),
        ("NMHs act late", ["name-mover"]),
        ("nmh", []),
        ("function vectors", ["function-vector"]),
        ("an associative\nmemory", ["associative-memories"]),
        ("associative memories, summary readers", ["associative-memories", "summary-reader"]),
        ("ngram heads", ["n-gram"]),
        ("S-inhibition", ["inhibition"]),
        ("non-retrieval heads, multi-head attention, inductions, headings", []),
        ("retrieval-headed", []),
        ("QRHeads and CoRe heads", ["query-focused-retrieval", "contrastive-retrieval"]),
        ("the core heads, a core attention head, qrhead", []),
        ("a writer of such heads", []),
        ("", []),
    ],
)
def test_names(text, found):
    assert ids(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("induction, previous-token, and name mover heads", ["induction", "previous-token", "name-mover"]),
        ("We study induction and retrieval heads.", ["induction", "retrieval"]),
        ("induction/retrieval heads", ["induction", "retrieval"]),
        ("Induction is a skill. Retrieval heads are others.", ["retrieval"]),
        ("induction, the skill, and retrieval heads", ["retrieval"]),
        ("induction and other heads", ["induction"]),
        ("CoRe and retrieval heads", ["contrastive-retrieval", "retrieval"]),
        ("core and retrieval heads", ["retrieval"]),
        # a comma, or an `and`, in half a sentence that has heads at its end
        ("It ends in hallucination, while pruning random heads does not.", []),
        ("In addition, we interpret the most relevant heads.", []),
        ("Less hallucination, fewer heads.", []),
        ("It bridges reasoning and generation via other heads.", []),
    ],
)
def test_lists_share_their_last_word(text, found):
    assert ids(text) == found


def test_the_papers_name_is_kept_where_it_is_not_ours():
    uses = {p.id: p.use for p in NAMES.find("Induction-heads, FV heads, function vectors, mover attention heads")}
    assert {head: use.name_used for head, use in uses.items()} == {
        "induction": None,
        "function-vector": "FV head",
        "mover": None,
    }
    assert {use.role for use in uses.values()} == {"studies"}


def test_what_a_search_is_asked_for():
    phrases = NAMES.search_phrases()
    assert phrases[:2] == ("attention heads", "attention head")
    assert set(phrases[2:]) == {
        "semantic induction heads",
        "name mover heads",
        "negative name mover heads",
        "previous token heads",
        "function vector heads",
        "function vector writer heads",
        "n gram heads",
        "contrastive retrieval heads",
        "query focused retrieval heads",
    }


def test_names_that_other_networks_have_say_too_little():
    texts = (
        "previous-token heads",
        "S_Inhibition",
        "retrieval heads",
        "function vectors",
        "NMH",
        "mover attention head",
    )
    assert [NAMES.says_enough(NAMES.find(text)[0]) for text in texts] == [True, False, False, False, False, True]


def test_a_type_that_many_papers_are_about_is_known_by_its_name():
    names = HeadNames([head_type("induction", "Induction Head", "IH"), head_type("task", "Task Head")], ["induction"])
    assert names.search_phrases() == ("attention heads", "attention head", "induction heads")
    assert [names.says_enough(proposal) for proposal in names.find("induction heads, IH")] == [True]
    assert [names.says_enough(names.find(text)[0]) for text in ("IH", "task heads")] == [False, False]


def test_without_head_types_nothing_is_found():
    assert HeadNames([]).find("induction heads") == ()


def test_what_speaks_of_heads():
    assert names_heads("An Attention-Head study")
    assert not names_heads("multi-head attention and detection heads")


@pytest.mark.parametrize(
    ("title", "whether"),
    [
        ("Retrieval Heads", True),
        ("Successor Head: Recurring", True),
        ("Head Pursuit", True),
        ("Headless Language Models", False),
        ("A Multi-Head Mixture, Per-Head Budgets and Multi Head Attention", False),
        ("Head-wise Compression", False),
    ],
)
def test_titles_on_heads(title, whether):
    assert is_on_heads(title) is whether
