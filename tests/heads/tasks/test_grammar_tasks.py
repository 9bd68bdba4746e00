"""Gendered pronouns, agreement, parsed sentences and propositional logic, by hand and by counting."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from survey_tools.heads.prompts.phrases import HEAD, phrase
from survey_tools.heads.prompts.task import Arc
from survey_tools.heads.tasks import agreement, dependencies, gendered_pronouns, propositional_logic
from survey_tools.heads.words import verbs
from survey_tools.heads.words.nouns import PLACED_THINGS, plural
from survey_tools.heads.words.people import FEMALE_NAMES, GENDERED_NOUNS, MALE_NAMES, NAMES


def every(task):
    return (*task.items("dev"), *task.items("test"))


def one(task, beginning):
    (found,) = [item for item in every(task) if item.prompt.text == beginning]
    return found


def by_prompt(task):
    return {item.prompt.text: item for item in every(task)}


# gendered pronouns


def test_mary_is_she_and_her_twin_is_john():
    item = one(gendered_pronouns.TASK, "So Mary is such a good friend, isn't")
    assert (item.right, item.wrong, item.label) == ((" she",), (" he",), "female")
    assert item.prompt.passages("name") == ("Mary",)
    assert item.prompt.passages("statement") == ("So Mary is such a good friend",)
    assert item.twin.text == "So John is such a good friend, isn't"
    assert item.twin_right == (" he",)


def test_an_aunt_is_she():
    items = [item for item in every(gendered_pronouns.TASK) if item.prompt.passages("name") == ("my aunt",)]
    assert len(items) == gendered_pronouns.FRAMES_PER_PAIR
    assert all(item.right == (" she",) and item.twin.passages("name") == ("my uncle",) for item in items)


def test_names_are_of_one_gender_and_named_once():
    her, his = (*FEMALE_NAMES, *(a for a, _ in GENDERED_NOUNS)), (*MALE_NAMES, *(b for _, b in GENDERED_NOUNS))
    assert len({*her, *his}) == len(her) + len(his)
    assert len(FEMALE_NAMES) == len(MALE_NAMES)
    assert set(NAMES) <= {*her, *his}


def test_both_genders_are_said_the_same_of():
    for said in {
        item.prompt.text.replace(item.prompt.passages("name")[0], "_") for item in every(gendered_pronouns.TASK)
    }:
        items = [
            i for i in every(gendered_pronouns.TASK) if i.prompt.text == said.replace("_", i.prompt.passages("name")[0])
        ]
        assert len({i.label for i in items}) == 2
        assert max(Counter(i.label for i in items).values()) * 2 == len(items)


# agreement


def test_keys_are_and_a_key_is():
    plural_keys = one(agreement.TASK, "The keys to the cabinet")
    assert " are" in plural_keys.right
    assert " is" in plural_keys.wrong
    assert plural_keys.twin.text == "The key to the cabinet"
    assert plural_keys.twin_right == plural_keys.wrong
    assert one(agreement.TASK, "The key to the cabinets").right == (" is", " was", " has")
    item = one(agreement.TASK, "The key to the cabinets")
    assert (item.prompt.passages("subject"), item.prompt.passages("attractor")) == (("key",), ("cabinets",))
    assert item.label == "singular"


def test_the_noun_read_last_is_right_half_of_the_time():
    for split in ("dev", "test"):
        items = agreement.TASK.items(split)
        attractors = {thing[2] for thing in PLACED_THINGS}
        agreeing = [(i.prompt.passages("attractor")[0] in attractors) == (i.label == "singular") for i in items]
        assert sum(agreeing) * 2 == len(items)
        assert Counter(i.label for i in items) == {"singular": len(items) // 2, "plural": len(items) // 2}


def test_a_prompt_and_its_twin_are_each_others():
    for task in (gendered_pronouns.TASK, agreement.TASK, propositional_logic.TASK):
        prompts = by_prompt(task)
        for item in every(task):
            twin = prompts[item.twin.text]
            assert twin.twin.text == item.prompt.text
            assert item.twin_right == twin.right != item.right
            assert twin.key == item.key
            assert len(item.twin.text.split()) == len(item.prompt.text.split())


@pytest.mark.parametrize(
    ("noun", "expected"),
    [("key", "keys"), ("story", "stories"), ("box", "boxes"), ("church", "churches"), ("bus", "buses")],
)
def test_plurals(noun, expected):
    assert plural(noun) == expected


# parsed sentences


def test_a_phrase_by_hand():
    old = phrase("NP", ("det", "the"), ("amod", "old"), (HEAD, "farmers"))
    near = phrase("PP", ("case", "near"), (HEAD, phrase("NP", ("det", "a"), (HEAD, "lake"))))
    seen = phrase("VP", (HEAD, "slept"))
    sentence = phrase("S", ("nsubj", phrase("NP", (HEAD, old), ("nmod", near))), (HEAD, seen))
    assert sentence.words == ("the", "old", "farmers", "near", "a", "lake", "slept")
    assert sentence.gold() == (
        Arc("w0", "w2", "det"),
        Arc("w1", "w2", "amod"),
        Arc("w2", "w6", "nsubj"),
        Arc("w3", "w5", "case"),
        Arc("w4", "w5", "det"),
        Arc("w5", "w2", "nmod"),
    )
    text = sentence.text()
    assert text.passages("w2") == ("farmers",)
    assert text.passages("NP") == ("the old farmers", "the old farmers near a lake", "a lake")
    assert text.passages("PP") == ("near a lake",)
    assert text.passages("S") == (text.text,) == ("the old farmers near a lake slept",)


@pytest.mark.parametrize("heads", [0, 2])
def test_a_phrase_has_one_head(heads):
    with pytest.raises(ValueError, match=f"a phrase has one head, not {heads}"):
        phrase("NP", ("det", "the"), *([(HEAD, "old")] * heads))


def words_of(item):
    return [
        item.prompt.passages(f"w{i}")[0]
        for i in range(sum(re.fullmatch(r"w\d+", r) is not None for r in item.prompt.roles))
    ]


def test_every_word_has_its_role_and_every_sentence_is_a_projective_tree():
    for item in every(dependencies.TASK):
        words = words_of(item)
        assert " ".join(words) + ", didn't" == item.prompt.text
        assert item.prompt.passages("S") == (" ".join(words),)
        heads = {int(arc.dependent[1:]): int(arc.head[1:]) for arc in item.arcs}
        assert len(heads) == len(item.arcs) == len(words) - 1, "every word but the root has one head"
        for start in range(len(words)):
            at, steps = start, 0
            while at in heads:
                at, steps = heads[at], steps + 1
                assert steps < len(words), "a circle"
        arcs = [sorted(pair) for pair in heads.items()]
        assert not [(a, b) for a in arcs for b in arcs if a[0] < b[0] < a[1] < b[1]], "arcs that cross"


def test_brackets_nest():
    for item in every(dependencies.TASK)[::7]:
        spans = [(s.start, s.stop) for s in item.prompt.spans]
        assert not [(a, b) for a in spans for b in spans if a[0] < b[0] < a[1] < b[1]]


def test_relations_join_the_right_kinds_of_words():
    determiners = {*dependencies.DETERMINERS["singular"], *dependencies.DETERMINERS["plural"]}
    nouns = {form for noun in (*verbs.PEOPLE, *verbs.THINGS, *verbs.PLACES) for form in (noun, plural(noun))}
    acting = {*verbs.TAKING_PEOPLE, *verbs.TAKING_THINGS, *verbs.GIVING, *verbs.RESTING}
    adverbs = {*verbs.HOW, *verbs.AGAIN, *verbs.FIRST}
    kinds = {
        "det": (determiners, nouns),
        "amod": ({*verbs.ABOUT_PEOPLE, *verbs.ABOUT_THINGS}, nouns),
        "nsubj": ({*nouns, "who"}, acting),
        "obj": ({*nouns, "who"}, acting),
        "iobj": (nouns, set(verbs.GIVING)),
        "case": (set(verbs.BY_PLACE), nouns),
        "nmod": (nouns, nouns),
        "obl": (nouns, set(verbs.RESTING)),
        "advmod": (adverbs, acting),
        "acl:relcl": (acting, nouns),
        "cc": ({"and"}, {*nouns, *acting}),
        "conj": ({*nouns, *acting}, {*nouns, *acting}),
    }
    seen = set()
    for item in every(dependencies.TASK):
        for arc in item.arcs:
            dependents, heads = kinds[arc.relation]
            assert item.prompt.passages(arc.dependent)[0].lower() in dependents
            assert item.prompt.passages(arc.head)[0].lower() in heads
            seen.add(arc.relation)
    assert seen == set(kinds)


def test_the_tag_takes_up_the_subject_of_the_root():
    singular = set(verbs.PEOPLE)
    for item in every(dependencies.TASK):
        (root,) = {arc.head for arc in item.arcs} - {arc.dependent for arc in item.arcs}
        (subject,) = [a.dependent for a in item.arcs if a.relation == "nsubj" and a.head == root]
        number = "singular" if item.prompt.passages(subject)[0] in singular else "plural"
        assert item.label == number
        assert (" they" in item.right) == (number == "plural")


def test_other_nouns_tell_nothing():
    """The noun before the tag has the subject's number about half of the time."""
    plurals = {plural(noun) for noun in (*verbs.PEOPLE, *verbs.THINGS, *verbs.PLACES)}
    nouns = plurals | {*verbs.PEOPLE, *verbs.THINGS, *verbs.PLACES}
    items = [item for item in every(dependencies.TASK) if sum(word in nouns for word in words_of(item)) > 1]
    last = [[word for word in words_of(item) if word in nouns][-1] for item in items]
    agreeing = sum((noun in plurals) == (item.label == "plural") for noun, item in zip(last, items, strict=True))
    assert agreeing * 2 == len(items)


def test_no_relation_stands_at_one_distance():
    distances = defaultdict(Counter)
    for item in dependencies.TASK.items("test"):
        for arc in item.arcs:
            distances[arc.relation][int(arc.head[1:]) - int(arc.dependent[1:])] += 1
    for relation, counts in distances.items():
        assert max(counts.values()) / counts.total() < 0.65, (relation, counts)


def test_a_parsed_sentence_and_its_twin_differ_in_the_subject_alone():
    for item in every(dependencies.TASK):
        pairs = list(zip(item.prompt.text.split(), item.twin.text.split(), strict=True))
        changed = [pair for pair in pairs if pair[0] != pair[1]]
        assert len(changed) == 1
        assert changed[0] in {(a, b) for n in verbs.PEOPLE for a, b in ((n, plural(n)), (plural(n), n))}
        assert item.twin_right == item.wrong


# propositional logic

STATED = re.compile(r"(\w) is (true|false)")
RULE = re.compile(r"(?:If )?(\w)(?: or (\w))?(?: implies|, then) (\w)")


def test_answers_follow_from_the_rules():
    """Solved anew from the text: the one true cause of the rule whose conclusion is asked about."""
    for item in every(propositional_logic.TASK):
        rules, _, rest = item.prompt.text.partition(" Facts:")
        (query,) = item.prompt.passages("query")
        facts = dict(STATED.findall(" ".join(rest.split(".")[:3])))
        causes = {conclusion: {one, other} - {""} for one, other, conclusion in RULE.findall(rules)}
        assert len(causes) == 2
        assert sorted(facts.values()) == ["false", "true", "true"]
        proof = [cause for cause in causes[query] if facts[cause] == "true"]
        assert item.right == tuple(f" {cause}" for cause in proof)
        assert {letter.strip() for letter in (*item.right, *item.wrong)} == set(facts)


def test_roles_of_the_logic_follow_the_query():
    for item in every(propositional_logic.TASK):
        letter = item.right[0].strip()
        (query,), (rule,), (fact,) = (item.prompt.passages(role) for role in ("query", "rule", "fact"))
        assert fact == f"{letter} is true"
        assert rule.endswith(query)
        assert letter in rule
        assert item.prompt.passages("answer in rule") == item.prompt.passages("answer in fact") == (letter,)
        assert item.prompt.passages("conclusion") == (query,)
        assert len(item.prompt.passages("other fact")) == 2
        assert query not in item.prompt.passages("other rule")[0]
        assert query in item.prompt.passages("question")[0]


def test_the_answer_stands_anywhere():
    items = every(propositional_logic.TASK)
    places = Counter([m[0] for m in STATED.findall(i.prompt.text)].index(i.right[0].strip()) for i in items)
    assert all(abs(places[place] / len(items) - 1 / 3) < 0.08 for place in range(3)), places
    first = sum(i.prompt.text.index(i.prompt.passages("rule")[0]) < 8 for i in items)
    assert first * 2 == len(items)
    alternatives = sum(" or " in i.prompt.passages("rule")[0] for i in items)
    assert alternatives * 2 == len(items)
