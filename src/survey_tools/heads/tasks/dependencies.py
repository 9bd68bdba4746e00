"""Sentences with gold dependencies and constituents, and a question that only their syntax answers.

`The old farmers near the bridge gave the nurse that lamp, didn't` -> they: the verb is in the past and shows no number,
so what the tag takes up is told by which noun is the subject. Singular and plural subjects are equally frequent, the
number of all other nouns is drawn. The twin has the subject in the other number.

Arcs carry Universal Dependencies relations, their ends are the roles `w0`, `w1`, ...; constituents are the roles `S`,
`NP`, `VP`, `PP` and `SBAR`. Adjectives, phrases and clauses come in between, so that no relation stands at one
distance: a head that looks a fixed way back finds few partners. Source: htut-2019-syntactic-dependencies (arcs, after
clark-2019-bert-attention) and luo-2021-constituency-grammar (brackets), who read parsed corpora; the grammar is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from survey_tools.heads.prompts.phrases import HEAD, Part, Phrase, phrase
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words import verbs as words
from survey_tools.heads.words.nouns import plural

SINGULAR, PLURAL = NUMBERS = ("singular", "plural")
PRONOUNS = {SINGULAR: (" he", " she"), PLURAL: (" they",)}
TAG = ", didn't"
DETERMINERS = {SINGULAR: ("the", "the", "this", "that"), PLURAL: ("the", "the", "these", "those")}
REPEATABLE = {*DETERMINERS[SINGULAR], *DETERMINERS[PLURAL]}
ADJECTIVES = (0, 1, 2, 2)
"""How many, drawn; two are drawn often, else half of all adjectives would stand right before their noun."""
LONGEST = 14
"""Words of the longest sentence."""


def _noun(draw: Random, nouns: tuple[str, ...], adjectives: tuple[str, ...]) -> Phrase:
    number = draw.choice(NUMBERS)
    return _noun_phrase(draw, draw.choice(DETERMINERS[number]), draw.choice(nouns), number, adjectives)


def _noun_phrase(draw: Random, determiner: str, noun: str, number: str, adjectives: tuple[str, ...]) -> Phrase:
    chosen = draw.sample(adjectives, draw.choice(ADJECTIVES))
    form = plural(noun) if number == PLURAL else noun
    return phrase("NP", ("det", determiner), *(("amod", adjective) for adjective in chosen), (HEAD, form))


def _person(draw: Random) -> Phrase:
    return _noun(draw, words.PEOPLE, words.ABOUT_PEOPLE)


def _thing(draw: Random) -> Phrase:
    return _noun(draw, words.THINGS, words.ABOUT_THINGS)


def _place(draw: Random) -> Phrase:
    place = _noun(draw, words.PLACES, words.ABOUT_THINGS)
    return phrase("PP", ("case", draw.choice(words.BY_PLACE)), (HEAD, place))


def _sentence_of(draw: Random, subject: Phrase, verb: Phrase, first: str = "") -> Phrase:
    """Often with a place after the subject, or an adverb before the verb, so that the two stand at any distance."""
    if draw.random() < 0.5:
        subject = phrase("NP", (HEAD, subject), ("nmod", _place(draw)))
    adverb = [("advmod", draw.choice(words.HOW))] if draw.random() < 0.5 else []
    return phrase("S", *([("advmod", first)] if first else []), ("nsubj", subject), *adverb, (HEAD, verb))


def _acting_on_a_person(draw: Random, *after: Part) -> Phrase:
    return phrase("VP", (HEAD, draw.choice(words.TAKING_PEOPLE)), ("obj", _person(draw)), *after)


def _acting_on_a_thing(draw: Random) -> Phrase:
    return phrase("VP", (HEAD, draw.choice(words.TAKING_THINGS)), ("obj", _thing(draw)))


def _adverb_first(draw: Random, subject: Phrase) -> Phrase:
    return _sentence_of(draw, subject, _acting_on_a_thing(draw), draw.choice(words.FIRST))


def _adverb_last(draw: Random, subject: Phrase) -> Phrase:
    return _sentence_of(draw, subject, _acting_on_a_person(draw, ("advmod", draw.choice(words.AGAIN))))


def _receiver(draw: Random, subject: Phrase) -> Phrase:
    verb = phrase("VP", (HEAD, draw.choice(words.GIVING)), ("iobj", _person(draw)), ("obj", _thing(draw)))
    return _sentence_of(draw, subject, verb)


def _subject_clause(draw: Random, subject: Phrase) -> Phrase:
    """The subject does two things: `the nurse who helped the pilot smiled again`."""
    return _clause_after(draw, subject, phrase("SBAR", ("nsubj", "who"), (HEAD, _acting_on_a_person(draw))))


def _object_clause(draw: Random, subject: Phrase) -> Phrase:
    """Something is done to the subject: `the nurse who the pilot helped smiled again`."""
    verb = phrase("VP", (HEAD, draw.choice(words.TAKING_PEOPLE)))
    return _clause_after(draw, subject, phrase("SBAR", ("obj", "who"), ("nsubj", _person(draw)), (HEAD, verb)))


def _clause_after(draw: Random, subject: Phrase, clause: Phrase) -> Phrase:
    verb = phrase("VP", (HEAD, draw.choice(words.RESTING)), ("advmod", draw.choice(words.AGAIN)))
    return phrase("S", ("nsubj", phrase("NP", (HEAD, subject), ("acl:relcl", clause))), (HEAD, verb))


def _two_verbs(draw: Random, subject: Phrase) -> Phrase:
    second = phrase("", ("cc", "and"), (HEAD, _acting_on_a_person(draw)))
    return _sentence_of(draw, subject, phrase("VP", (HEAD, _acting_on_a_thing(draw)), ("conj", second)))


def _place_of_verb(draw: Random, subject: Phrase) -> Phrase:
    after = ("advmod", draw.choice(words.HOW))
    verb = phrase("VP", (HEAD, draw.choice(words.RESTING)), ("obl", _place(draw)), after)
    return phrase("S", ("nsubj", subject), (HEAD, verb))


def _two_objects(draw: Random, subject: Phrase) -> Phrase:
    second = phrase("", ("cc", "and"), (HEAD, _person(draw)))
    both = phrase("NP", (HEAD, _person(draw)), ("conj", second))
    return _sentence_of(draw, subject, phrase("VP", (HEAD, draw.choice(words.TAKING_PEOPLE)), ("obj", both)))


FRAMES: tuple[Callable[[Random, Phrase], Phrase], ...] = (
    _adverb_first,
    _adverb_last,
    _receiver,
    _subject_clause,
    _object_clause,
    _two_verbs,
    _place_of_verb,
    _two_objects,
)
SENTENCES_PER_FRAME = 2
"""With each subject, in each number."""


def _items() -> list[Item]:
    items = []
    for noun in words.PEOPLE:
        for frame in range(len(FRAMES)):
            for turn in range(SENTENCES_PER_FRAME):
                sentences = {number: _sentence(noun, number, frame, turn) for number in NUMBERS}
                items += [_item(noun, number, frame, sentences) for number in NUMBERS]
    return items


def _sentence(noun: str, number: str, frame: int, turn: int) -> Phrase:
    """The same words for both numbers, but for the subject."""
    draw = Random(f"dependencies {noun} {frame} {turn}")
    while True:
        sentence = FRAMES[frame](draw, _noun_phrase(draw, "the", noun, number, words.ABOUT_PEOPLE))
        # no noun, verb or adjective twice, whatever the numbers: both numbers must leave out the same draws
        content = [word.removesuffix("s") for word in sentence.words if word not in REPEATABLE]
        if len(set(content)) == len(content) and len(sentence.words) <= LONGEST:
            return replace(sentence, words=(sentence.words[0].capitalize(), *sentence.words[1:]))


def _item(noun: str, number: str, frame: int, sentences: dict[str, Phrase]) -> Item:
    other = PLURAL if number == SINGULAR else SINGULAR
    sentence = sentences[number]
    return Item(
        key=f"{noun} {frame}",
        prompt=sentence.text() + Text(TAG),
        right=PRONOUNS[number],
        wrong=PRONOUNS[other],
        frame=frame,
        twin=sentences[other].text() + Text(TAG),
        twin_right=PRONOUNS[other],
        label=number,
        arcs=sentence.gold(),
    )


TASK = TextTask(
    id="dependencies",
    name="tag questions after parsed sentences",
    description="A sentence with gold dependencies and constituents: which pronoun of a tag takes up its subject?",
    source="htut-2019-syntactic-dependencies",
    make=_items,
    roles={
        **{f"w{number}": f"word {number} of the sentence, from 0" for number in range(LONGEST)},
        "S": "the whole sentence",
        "NP": "noun phrases",
        "VP": "verb phrases",
        "PP": "prepositional phrases",
        "SBAR": "relative clauses",
    },
    frames=len(FRAMES),
    labels=NUMBERS,
    labelled_role="S",
)
