"""What a network can do, on networks whose every answer is known: the next token depends on the last one by a table."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from tiny_networks import FAMILIES, make_network
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers.modeling_outputs import CausalLMOutput

from survey_tools.errors import DetectionError
from survey_tools.heads.capability import (
    TWINS,
    answer,
    chance_of,
    expects_next_token,
    favourites,
    mean_by_key,
    score_task,
)
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.prompts.batches import TOKENS_AT_ONCE, batches
from survey_tools.heads.prompts.rendering import UNKNOWN, Question, Questions, Rendered, ask
from survey_tools.heads.prompts.sequences import Sequences, SequenceTask, scored_loss
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text

WORDS = ("<unk>", "<s>", "yes", "no", "maybe", "sure", "unsure", *(f"n{number}" for number in range(93)))
YES, NO, MAYBE, SURE, UNSURE = range(2, 7)


class Table(PreTrainedModel):
    """Logits after a token are the table's row of that token, whatever stands before."""

    config_class = PretrainedConfig

    def __init__(self, table):
        super().__init__(PretrainedConfig(vocab_size=len(table)))
        size = len(table)
        self.embed = nn.Embedding.from_pretrained(torch.eye(size))
        self.lm_head = nn.Linear(size, size, bias=False)
        self.lm_head.weight.data = table.T.clone()
        self.seen = []

    def get_input_embeddings(self):
        return self.embed

    def get_output_embeddings(self):
        return self.lm_head

    def forward(self, input_ids):
        self.seen.append(tuple(input_ids.shape))
        return CausalLMOutput(logits=self.lm_head(self.embed(input_ids)))


def words():
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", bos_token="<s>")


def loaded(network, tokenizer=None, prepend_bos=False):
    return LoadedModel("by-hand", network.eval().requires_grad_(False), tokenizer, "0" * 64, prepend_bos)


def knowing(**rows):
    """A model with logits by hand: `sure={YES: 2.0}` is the row after the word `sure`; all else is 0."""
    table = torch.zeros(len(WORDS), len(WORDS))
    for word, row in rows.items():
        for token, logit in row.items():
            table[WORDS.index(word), token] = logit
    return loaded(Table(table), words())


def item(number, last, right=" yes", wrong=(" no",), twin=None, **more):
    """`n<number> <last>`: a prompt of its own, whose answer its last word decides."""
    before = Text(f"n{number} {twin}") if twin else None
    given = {"key": f"key {number}", "prompt": Text(f"n{number} {last}"), **more}
    return Item(right=(right,), wrong=wrong, twin=before, **given)


def task(*items, **more):
    given = {"name": "n", "description": "d", "source": None, "roles": {}, "frames": 1}
    return TextTask(id="by-hand", make=lambda: items, **{**given, **more})


def asked_of(model, *items):
    return [ask(made, task(*items), model.tokenizer, prepend_bos=model.prepend_bos) for made in items]


# text


def test_odds_and_success_by_hand():
    model = knowing(sure={YES: 2.0}, unsure={NO: 1.0, MAYBE: 1.0})
    both = (" no", " maybe")
    asked = asked_of(model, item(0, "sure"), item(1, "unsure"), item(2, "unsure", wrong=both), item(3, "n9"))
    odds, success = answer(model, asked, [q.prompt for q in asked])
    assert odds.tolist() == pytest.approx([2.0, -1.0, -1.0 - math.log(2), 0.0], abs=1e-6)
    assert success.tolist() == [1.0, 0.0, 0.0, 0.5], "a tie is won as often as lost"


def test_one_right_answer_of_several_is_enough():
    model = knowing(sure={YES: 2.0, NO: 1.0, MAYBE: -9.0})
    several = replace(item(0, "sure"), right=(" maybe", " yes"))
    asked = asked_of(model, several)
    odds, success = answer(model, asked, [q.prompt for q in asked])
    assert success.tolist() == [1.0]
    assert float(odds) == pytest.approx(math.log(math.exp(2) + math.exp(-9)) - 1, abs=1e-6)


def test_answers_come_back_in_the_order_of_the_questions():
    """Prompts of different lengths are run in batches of one length."""
    model = knowing(sure={YES: 1.0}, unsure={NO: 1.0})
    lasts = ["sure", "unsure"] * 3
    items = [item(n, "n5 " * (n % 3) + last) for n, last in enumerate(lasts)]
    asked = asked_of(model, *items)
    odds, _ = answer(model, asked, [q.prompt for q in asked])
    assert odds.tolist() == pytest.approx([1.0, -1.0] * 3)
    assert model.network.seen == [(2, 2), (2, 3), (2, 4)]
    swapped, _ = answer(model, asked, [q.prompt for q in asked[::-1]])
    assert swapped.tolist() == pytest.approx([-1.0, 1.0] * 3), "prompts are read in the place of the questions' own"


def test_batches_are_of_one_length_and_not_too_large():
    assert batches([3, 4, 3]) == [[0, 2], [1]]
    assert batches([TOKENS_AT_ONCE // 2] * 3) == [[0, 1], [2]]
    assert batches([TOKENS_AT_ONCE + 1] * 2) == [[0], [1]]
    assert batches([]) == []


def balanced(count, knows):
    """Half of the answers are yes, half no; the model is asked after a word that it knows, or does not know."""
    made = []
    for number in range(count):
        sure = number % 10 < knows
        yes = number % 2 == 0
        last = ("sure" if yes else "unsure") if sure else ("unsure" if yes else "sure")
        twin = "unsure" if last == "sure" else "sure"
        right, wrong = (" yes", (" no",)) if yes else (" no", (" yes",))
        made.append(item(number, last, right, wrong, twin))
    return task(*made)


def test_a_whole_score_by_hand():
    model = knowing(sure={YES: 3.0}, unsure={NO: 3.0})
    made = balanced(90, knows=8)
    items = made.items("test")
    right = [int(i.key.split()[1]) % 10 < 8 for i in items]
    yes = sum(i.right == (" yes",) for i in items)
    said = []
    score = score_task(model, made, progress=said.append)
    assert score.items == score.independent == len(items)
    assert score.value == pytest.approx(sum(right) / len(items))
    assert score.margin == pytest.approx(3.0 * (2 * sum(right) / len(items) - 1), abs=1e-5)
    twins = right[::TWINS]
    assert score.on_twin == pytest.approx(twins.count(False) / len(twins))
    assert score.chance == score.needed == pytest.approx(max(yes, len(items) - yes) / len(items))
    assert score.interval == pytest.approx(wilson(sum(right), len(items)), abs=1e-4)
    assert score.present == (score.interval[0] > score.needed)
    assert (score.unit, score.task, score.dropped, score.probed) == ("share", "by-hand", {}, False)
    assert said == [f"by-hand: {len(items)} items"]


def wilson(hits, trials, z=1.959964):
    share = hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return middle - half, middle + half


def test_a_model_that_knows_everything_and_one_that_knows_nothing():
    good, blind = knowing(sure={YES: 3.0}, unsure={NO: 3.0}), knowing(sure={YES: 3.0}, unsure={YES: 3.0})
    made = balanced(90, knows=10)
    assert score_task(good, made).value == 1
    assert score_task(good, made).on_twin == 0
    assert score_task(good, made).present
    always_yes = score_task(blind, made)
    assert always_yes.value == pytest.approx(0.5, abs=0.1)
    assert always_yes.value <= always_yes.chance
    assert not always_yes.present


def test_fewer_items_are_the_first_ones():
    model = knowing(sure={YES: 3.0}, unsure={NO: 3.0})
    made = balanced(90, knows=5)
    few = [int(i.key.split()[1]) % 10 < 5 for i in made.items("test")[:7]]
    score = score_task(model, made, items=7)
    assert (score.items, score.value) == (7, pytest.approx(sum(few) / 7))


def test_what_is_needed_may_be_more_than_chance():
    model = knowing(sure={YES: 3.0}, unsure={NO: 3.0})
    made = balanced(90, knows=9)
    assert score_task(model, made).present
    strict = score_task(model, replace(made, needed=0.95))
    assert strict.needed == 0.95
    assert not strict.present


def test_present_needs_the_whole_interval_above():
    score = score_task(knowing(sure={YES: 3.0}, unsure={NO: 3.0}), balanced(90, knows=10))
    assert replace(score, interval=(0.51, 0.9), needed=0.5).present
    assert not replace(score, interval=(0.5, 0.9), needed=0.5).present
    assert not replace(score, interval=(0.4, 0.9), needed=0.5).present


def test_without_twins_there_is_no_twin_rate():
    made = task(*(item(n, "sure") for n in range(20)))
    assert score_task(knowing(sure={YES: 1.0}), made).on_twin is None


def test_what_was_dropped_is_told():
    made = task(*(item(n, "zebra" if n % 2 else "sure") for n in range(40)))
    score = score_task(knowing(sure={YES: 1.0}), made)
    odd = [int(i.key.split()[1]) % 2 for i in made.items("test")]
    assert score.dropped == {UNKNOWN: sum(odd)}
    assert score.items == len(odd) - sum(odd)


# chance


def guessed(*pairs):
    found = [Question(item(n, "sure"), Rendered((), {}), right, wrong, None) for n, (right, wrong) in enumerate(pairs)]
    return Questions(task(), tuple(found), {})


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([((YES,), (NO,))], 1.0),
        ([((YES,), (NO,)), ((NO,), (YES,))], 0.5),
        ([((YES,), (NO,)), ((NO,), (YES,)), ((YES,), (NO,))], 2 / 3),
        ([((YES,), (NO, MAYBE)), ((NO,), (YES, MAYBE)), ((MAYBE,), (NO, YES))], 1 / 3),
        ([((YES,), (NO,)), ((SURE,), (UNSURE,))], 0.5),
        ([((YES, MAYBE), (NO,)), ((NO,), (YES, MAYBE))], 0.5),
        ([((YES, MAYBE), (NO,)), ((MAYBE, YES), (SURE,))], 1.0),
    ],
    ids=["one constant", "even", "uneven", "three", "never the same", "two right", "always offered and right"],
)
def test_chance_is_guessing_or_the_best_constant(pairs, expected):
    assert chance_of(guessed(*pairs), knowing()) == pytest.approx(expected)


def liking(*pairs):
    return guessed(*pairs).questions


@pytest.mark.parametrize(
    ("learnt", "asked", "expected"),
    [
        ([((YES,), (NO,))], [((YES,), (NO,)), ((YES,), (MAYBE,))], 1.0),
        ([((YES,), (NO,))], [((NO,), (YES,))], 0.0),
        ([((YES,), (NO,)), ((NO,), (YES,))], [((YES,), (NO,)), ((YES,), (NO,))], 0.5),
        ([((YES,), (NO,))], [((SURE,), (UNSURE,))], 0.5),
        ([((YES,), (NO,)), ((NO,), (MAYBE,))], [((YES,), (MAYBE,)), ((NO,), (MAYBE,))], 1.0),
        ([((SURE,), (UNSURE,))], [((YES,), (NO, MAYBE))], 1 / 3),
    ],
    ids=["right again", "right no more", "even", "never seen", "an order of three", "one of three unknown"],
)
def test_favourites_are_learnt_from_other_items(learnt, asked, expected):
    assert favourites(liking(*learnt), liking(*asked)) == pytest.approx(expected)


def test_a_task_whose_larger_answers_are_right_gives_it_away():
    """Of n0 to n9 the larger is right in every item: ten dev items tell enough to win two thirds of the others."""
    names = [f" n{number}" for number in range(10)]
    pairs = [(big, small) for big in range(10) for small in range(big)]
    made = task(*(item(k, "sure", names[big], (names[small],)) for k, (big, small) in enumerate(pairs)))
    blind = knowing(sure={WORDS.index(f"n{number}"): float(number) for number in range(10)})
    score = score_task(blind, made)
    assert score.value == 1.0
    assert score.chance > 0.6


# intervals


def test_items_of_one_key_count_once():
    hits = torch.tensor([1.0] * 24 + [0.0] * 6)
    keys = [f"key {n // 3}" for n in range(30)]
    assert mean_by_key(hits, keys)[1:] == pytest.approx(wilson(8, 10), abs=1e-4), "8 of 10, not 24 of 30"
    assert mean_by_key(hits, [str(n) for n in range(30)])[1:] == pytest.approx(wilson(24, 30), abs=1e-4)


def test_keys_that_are_partly_right_count_as_much_as_others():
    """Means 0.5, 1 and 1: the mean over keys, and Wilson's interval of 2.5 of 3."""
    values = torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0])
    value, low, high = mean_by_key(values, ["a", "a", "b", "c", "c"])
    assert value == pytest.approx(5 / 6)
    assert (low, high) == pytest.approx(wilson(2.5, 3), abs=1e-4)


@pytest.mark.parametrize("options", [3, 6, 7, 11])
def test_a_blind_model_never_passes_by_rounding(options):
    """Every key in all its rotations: a constant answer is right in exactly one of so many, with no spread at all."""
    keys = [f"key {number // options}" for number in range(40 * options)]
    values = torch.tensor([float(number % options == 0) for number in range(40 * options)])
    value, low, high = mean_by_key(values, keys)
    assert low < 1 / options < high
    assert value == pytest.approx(1 / options, abs=1e-12)


def test_one_key_gives_no_interval():
    with pytest.raises(DetectionError, match=r"all 5 items are about the same thing \(a\)"):
        mean_by_key(torch.ones(5), ["a"] * 5)


def test_logits_that_are_no_numbers_are_refused():
    model = knowing(sure={YES: float("nan")})
    with pytest.raises(DetectionError, match="gives logits that are no numbers; load it in float32"):
        score_task(model, task(*(item(n, "sure") for n in range(20))))


# tokens drawn at random


def drawing(prompt, twin):
    def draw(pool, prompts, length, generator):
        tokens = torch.tensor([prompt] * prompts)
        scored = torch.zeros_like(tokens, dtype=torch.bool)
        scored[:, -1] = True
        return Sequences(tokens, torch.tensor([twin] * prompts), scored, {"last": scored})

    return SequenceTask(id="drawn", name="n", description="d", source=None, draw=draw, roles={"last": "l"})


def test_the_nats_that_a_context_saves():
    """The row after `sure` gives `yes` probability 1/2; the row of the twin's word is uniform."""
    size = len(WORDS)
    model = knowing(sure={YES: math.log(size - 1)})
    score = score_task(model, drawing([9, SURE, YES], [9, 10, YES]), items=3)
    assert score.margin == pytest.approx(math.log(2), abs=1e-5)
    assert score.on_twin == pytest.approx(math.log(size), abs=1e-5)
    assert score.value == pytest.approx(math.log(size / 2), abs=1e-5)
    assert score.interval == pytest.approx((score.value, score.value), abs=1e-4)
    assert (score.unit, score.chance, score.needed, score.items) == ("nats", 0.0, 0.5, 3)
    assert score.present
    nothing = score_task(knowing(), drawing([9, SURE, YES], [9, 10, YES]), items=3)
    assert nothing.value == pytest.approx(0.0, abs=1e-6)
    assert not nothing.present


def test_a_bos_token_is_put_in_front_of_drawn_tokens():
    model = replace(knowing(), prepend_bos=True)
    score_task(model, drawing([9, SURE, YES], [9, 10, YES]), items=3)
    assert model.network.seen == [(3, 4), (3, 4)]


def test_only_scored_tokens_count():
    logits = torch.zeros(1, 4, 5)
    logits[0, 1, 3] = math.log(4)  # after the second token: 1/2 for token 3
    tokens = torch.tensor([[0, 1, 3, 2]])
    none = torch.zeros(1, 4, dtype=torch.bool)
    third, both = none.clone(), none.clone()
    third[0, 2] = True
    both[0, 2:] = True
    assert float(scored_loss(logits, tokens, third)) == pytest.approx(math.log(2))
    assert float(scored_loss(logits, tokens, both)) == pytest.approx((math.log(2) + math.log(5)) / 2)


# encoders, and what cannot be asked


@pytest.mark.parametrize("kind", sorted(FAMILIES))
def test_encoders_are_told_from_language_models(kind):
    assert expects_next_token(loaded(make_network(kind))) == (kind != "bert")


def test_an_encoder_is_read_through_a_probe():
    model = loaded(make_network("bert"), words())
    labels = ("yes", "no")
    made = [
        item(n, "sure", key=f"key {n}", label=labels[n % 2], prompt=Text.of("{s}", s=f"n{n} {labels[n % 2]} n{n + 20}"))
        for n in range(60)
    ]
    probed = task(*made, labels=labels, labelled_role="s", roles={"s": "all of it"})
    score = score_task(model, probed)
    assert score.probed
    assert score.value > 0.9, "the label is one of three words"
    counts = [sum(i.label == label for i in probed.items("test")) for label in labels]
    assert score.chance == score.needed == max(counts) / sum(counts)
    assert (score.margin, score.on_twin) == (None, None)
    mixed = [replace(i, label=labels[n // 2 % 2]) for n, i in enumerate(made)]
    assert not score_task(model, replace(probed, make=lambda: mixed)).present, "labels that the words do not tell"


def test_an_encoder_cannot_be_asked_for_the_next_token():
    model = loaded(make_network("bert"), words())
    with pytest.raises(DetectionError, match="expects no next token, and drawn asks for nothing else"):
        score_task(model, drawing([9, SURE, YES], [9, 10, YES]))
    with pytest.raises(DetectionError, match="by-hand has no labels that a probe could read"):
        score_task(model, task(item(0, "sure"), item(1, "sure")))


@pytest.mark.parametrize("items", [0, 1])
def test_an_interval_needs_two_items(items):
    with pytest.raises(DetectionError, match=f"{items} item gives no interval"):
        score_task(knowing(), balanced(20, knows=5), items=items)


def test_a_model_without_a_tokenizer_can_be_put_no_text():
    with pytest.raises(DetectionError, match="by-hand has no tokenizer, so by-hand can't be put to it"):
        score_task(replace(knowing(), tokenizer=None), balanced(20, knows=5))
