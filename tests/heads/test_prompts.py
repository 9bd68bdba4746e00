"""Texts with roles, splits by key, offsets of any tokenizer, and what of an item a model can be asked."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from tokenizers import normalizers as norm
from transformers import PretrainedConfig, PreTrainedTokenizer, PreTrainedTokenizerFast

from survey_tools.errors import DetectionError, UnknownWord
from survey_tools.heads.prompts import rendering
from survey_tools.heads.prompts.offsets import token_offsets, tokens_of_span
from survey_tools.heads.prompts.rendering import Question, as_request, ask, questions, render
from survey_tools.heads.prompts.task import DEV_SHARE, Item, TextTask
from survey_tools.heads.prompts.text import Span, Text
from survey_tools.heads.prompts.vocabulary import encode, single_token

# texts


def test_every_field_is_a_role():
    text = Text.of("When {io} and {s1} sat, {s2} rose", io="Mary", s1="John", s2="John")
    assert text.text == "When Mary and John sat, John rose"
    assert text.spans == (Span(5, 9, "io"), Span(14, 18, "s1"), Span(24, 28, "s2"))
    assert text.roles == {"io", "s1", "s2"}
    assert text.passages("s2") == ("John",)
    assert text.passages("nobody") == ()


def test_a_field_may_stand_twice():
    assert Text.of("{w}, {w}", w="so").spans == (Span(0, 2, "w"), Span(4, 6, "w"))


def test_words_of_the_frame_can_be_marked():
    text = Text.of("{subject:the boy} sees {object}", object="it")
    assert text.text == "the boy sees it"
    assert text.passages("subject") == ("the boy",)


def test_an_unmarked_field_has_no_role_and_braces_can_be_written():
    text = Text.of("{{{_word}}} is {what}", _word="x", what="set")
    assert text == Text("{x} is set", (Span(7, 10, "what"),))


def test_a_text_in_a_text_brings_its_roles_along():
    inner = Text.of("the {adjective} {noun}", adjective="red", noun="fox")
    text = Text.of("So {phrase} ran", phrase=inner)
    assert text.text == "So the red fox ran"
    assert text.passages("phrase") == ("the red fox",)
    assert (text.passages("adjective"), text.passages("noun")) == (("red",), ("fox",))
    assert Text.of("So {_phrase}", _phrase=inner).roles == {"adjective", "noun"}


def test_texts_can_be_joined():
    one, two = Text.of("{a} ", a="x"), Text.of("{a}{b}", a="yy", b="z")
    assert (one + two).spans == (Span(0, 1, "a"), Span(2, 4, "a"), Span(4, 5, "b"))
    assert (one + two).passages("a") == ("x", "yy")
    assert (one + "end").spans == one.spans
    assert (one + "end").text == "x end"


def test_typos_in_a_frame_are_errors():
    with pytest.raises(KeyError, match="nmae"):
        Text.of("{nmae} sat", name="Mary")
    with pytest.raises(ValueError, match=r"no field for place, time"):
        Text.of("{name} sat", name="Mary", time="now", place="here")


# splits


def item(key, prompt, right=(" a",), wrong=(" b",), **more):
    return Item(key, prompt if isinstance(prompt, Text) else Text(prompt), right, wrong, **more)


def task(*items, **more):
    given = {"name": "n", "description": "d", "source": None, "roles": {}, "frames": 1}
    return TextTask(id="some-task", make=lambda: items, **{**given, **more})


def test_items_of_one_key_share_a_split():
    made = task(*(item(f"key {n // 5}", f"prompt {n}") for n in range(2000)))
    dev, test = made.items("dev"), made.items("test")
    assert {i.prompt.text for i in (*dev, *test)} == {f"prompt {n}" for n in range(2000)}
    assert len(dev) + len(test) == 2000
    assert {i.key for i in dev}.isdisjoint(i.key for i in test)
    assert abs(len({i.key for i in dev}) / 400 - DEV_SHARE) < 0.07
    assert all(sum(i.key == key for i in dev) == 5 for key in {i.key for i in dev})


def test_the_order_is_mixed_and_does_not_depend_on_how_items_are_made():
    made = [item(f"key {n}", f"prompt {n}", frame=n // 100) for n in range(200)]
    forwards, backwards = task(*made).items("test"), task(*made[::-1]).items("test")
    assert forwards == backwards
    assert 15 < sum(i.frame for i in forwards[:50]) < 35


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (task(item("k", "p"), item("l", "p")), "makes 'p' twice"),
        (task(item("k", "p", right=())), "needs right and wrong continuations that differ"),
        (task(item("k", "p", right=(" a",), wrong=(" b", " a"))), "needs right and wrong continuations that differ"),
        (task(item("k", "p", twin=Text("q"), twin_right=(" c",))), "twin of 'p' of task some-task has an answer"),
        (task(item("k", "p", label="good")), "has label 'good', not in its labels"),
        (task(item("k", "p"), labels=("good", "bad")), "has label '', not in its labels"),
        (task(item("k", Text.of("{who} sat", who="he"))), "does not describe its role who"),
    ],
)
def test_a_task_that_contradicts_itself(made, complaint):
    with pytest.raises(DetectionError, match=complaint):
        made.items("test")


# tokenizers made by hand


def words(*known, **given):
    """Splits at spaces; `<unk>` is token 0, `<s>` token 1."""
    vocabulary = {word: number for number, word in enumerate(("<unk>", "<s>", *known))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=made, **{"unk_token": "<unk>", "bos_token": "<s>", **given})


def pieces(*merged, **given):
    """Byte-level BPE: the 256 bytes, and `merged` pieces built from the left; a space is written `Ġ`."""
    alphabet = ["<s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    merges = [(piece[:end], piece[end]) for piece in merged for end in range(1, len(piece))]
    tokens = dict.fromkeys([*alphabet, *("".join(pair) for pair in merges)])
    vocabulary = {token: number for number, token in enumerate(tokens)}
    made = Tokenizer(models.BPE(vocabulary, list(dict.fromkeys(merges))))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, **{"bos_token": "<s>", **given})


class Slow(PreTrainedTokenizer):
    """One written in Python, that keeps no offsets."""

    def __init__(self, known, **given):
        self.known = {piece: number for number, piece in enumerate(["<unk>", "<s>", *known])}
        super().__init__(**{"unk_token": "<unk>", "bos_token": "<s>", **given})

    @property
    def vocab_size(self):
        return len(self.known)

    def get_vocab(self):
        return {**self.known, **self.added_tokens_encoder}

    def _convert_token_to_id(self, token):
        return self.known.get(token, 0)

    def _convert_id_to_token(self, index):
        return list(self.known)[index]


class SlowBytes(Slow):
    """A token for each byte."""

    def __init__(self):
        super().__init__([f"<{byte:02x}>" for byte in range(256)])

    def _tokenize(self, text, **_):
        return [f"<{byte:02x}>" for byte in text.encode()]

    def convert_tokens_to_string(self, tokens):
        return bytes(int(token[1:3], 16) for token in tokens).decode(errors="replace")


class SlowMarker(Slow):
    """As sentencepiece: `▁` begins a word, the first one too; that of the first word is left out again on reading."""

    reads_first = False

    def _tokenize(self, text, **_):
        rest, found = "▁" + text.replace(" ", "▁"), []
        while rest:
            fitting = [piece for piece in self.known if rest.startswith(piece)]
            if not fitting:
                found.append("<unk>")
                rest = rest[1:].lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
                continue
            found.append(max(fitting, key=len))
            rest = rest[len(found[-1]) :]
        return found

    def convert_tokens_to_string(self, tokens):
        return "".join(tokens).replace("▁", " ")[0 if self.reads_first else 1 :]


class SlowSpace(SlowMarker):
    """One that does not leave it out."""

    reads_first = True


# offsets


def spelled(text, offsets):
    return [text[start:stop] for start, stop in offsets]


def test_offsets_of_a_fast_tokenizer():
    ids, offsets = token_offsets(words("When", "Mary", "sat"), "When Mary sat")
    assert ids == [2, 3, 4]
    assert spelled("When Mary sat", offsets) == ["When", "Mary", "sat"]


@pytest.mark.parametrize("kind", [SlowMarker, SlowSpace])
def test_offsets_of_a_slow_tokenizer(kind):
    slow, text = kind(["▁Mary", "▁s", "at", "▁", "."]), "Mary sat."
    ids, offsets = token_offsets(slow, text)
    assert slow.convert_ids_to_tokens(ids) == ["▁Mary", "▁s", "at", "."]
    assert spelled(text, offsets) == ["Mary", " s", "at", "."]


def test_a_space_at_the_start_of_a_text_is_its_own():
    slow = SlowMarker(["▁Mary", "▁sat", "▁"])
    ids, offsets = token_offsets(slow, " Mary sat")
    assert slow.convert_ids_to_tokens(ids) == ["▁", "▁Mary", "▁sat"]
    assert offsets[1:] == [(0, 5), (5, 9)]


@pytest.mark.parametrize("text", ["plain", "naïve café", "日本 🙂!", "é"])
def test_every_byte_of_a_character_belongs_to_it(text):
    """A fast byte-level tokenizer says so, and a slow one must be read alike."""
    expected = [place for place, character in enumerate(text) for _ in character.encode()]
    for tokenizer in (pieces(), SlowBytes()):
        ids, offsets = token_offsets(tokenizer, text)
        assert len(ids) == len(text.encode())
        assert offsets == [(place, place + 1) for place in expected], type(tokenizer)
        passage = render(Text(text, (Span(0, len(text), "all"),)), tokenizer)
        assert passage.positions["all"] == (range(len(ids)),)


@pytest.mark.parametrize("tokenizer", [words("Mary", "sat"), SlowMarker(["▁Mary", "▁sat"])])
def test_an_unknown_word_is_an_error(tokenizer):
    with pytest.raises(UnknownWord, match=r"has no token for 'John' in 'Mary John sat'"):
        token_offsets(tokenizer, "Mary John sat")
    with pytest.raises(UnknownWord, match="'John'"):
        encode(tokenizer, "John", prepend_bos=False)


def test_a_word_that_spells_the_unknown_token_is_no_unknown_word():
    ids, offsets = token_offsets(words("Mary", "wrote"), "Mary wrote <unk>")
    assert ids == [2, 3, 0]
    assert offsets[-1] == (11, 16)
    with pytest.raises(UnknownWord, match="'John'"):
        token_offsets(words("Mary", "wrote"), "John wrote <unk>")


def test_a_slow_tokenizer_that_changes_the_text_is_refused():
    class Lowering(SlowMarker):
        def _tokenize(self, text, **more):
            return super()._tokenize(text.lower(), **more)

    with pytest.raises(DetectionError, match="reads 'Mary' back as 'mary' and keeps no offsets"):
        token_offsets(Lowering(["▁mary"]), "Mary")


def test_tokens_that_share_a_character_with_a_span():
    offsets = [(0, 0), (0, 4), (4, 9), (9, 9), (9, 10)]
    assert tokens_of_span(offsets, 5, 9) == range(2, 3)
    assert tokens_of_span(offsets, 0, 10) == range(1, 5)
    assert tokens_of_span(offsets, 3, 5) == range(1, 3)
    assert tokens_of_span(offsets, 10, 12) == range(0)


def test_single_tokens_of_a_vocabulary():
    tokenizer = pieces("Ġfox")
    assert single_token(tokenizer, "fox") == tokenizer.convert_tokens_to_ids("Ġfox")
    assert single_token(tokenizer, "foxes") is None
    assert single_token(words("fox"), "wolf") is None


def test_a_word_is_one_token_where_the_tokenizer_puts_a_space_of_its_own_in_front():
    """As in Llama 2 and Mistral."""
    vocabulary = {"<unk>": 0, "▁": 1, "a": 2, "▁a": 3}
    made = Tokenizer(models.BPE(vocabulary, [("▁", "a")], unk_token="<unk>"))
    made.normalizer = norm.Sequence([norm.Prepend("▁"), norm.Replace(" ", "▁")])
    assert single_token(PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>"), "a") == 3


# rendering


def test_positions_of_roles():
    text = Text.of("When {io} and {s1} sat", io="Mary Ann", s1="John")
    known = words("When", "Mary", "Ann", "and", "John", "sat")
    rendered = render(text, known)
    assert rendered.tokens == (2, 3, 4, 5, 6, 7)
    assert rendered.positions == {"io": (range(1, 3),), "s1": (range(4, 5),)}
    assert rendered.last("io") == 2


def test_a_bos_token_shifts_positions():
    text = Text.of("{a} {b}", a="x", b="y")
    rendered = render(text, words("x", "y"), prepend_bos=True)
    assert rendered.tokens == (1, 2, 3)
    assert rendered.positions == {"a": (range(1, 2),), "b": (range(2, 3),)}
    assert encode(words("x", "y"), "x y", prepend_bos=True) == [1, 2, 3]


def test_tokens_around_a_text_have_no_role():
    known = words("[CLS]", "x", "y", "[SEP]", cls_token="[CLS]", sep_token="[SEP]")
    known.backend_tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $0 [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 5)]
    )
    text = Text.of("{a} {b}", a="x", b="y")
    around = render(text, known, special=True)
    assert around.tokens == (2, 3, 4, 5)
    assert around.positions == {"a": (range(1, 2),), "b": (range(2, 3),)}
    assert render(text, known).tokens == (3, 4)


def test_a_leading_space_belongs_to_its_word():
    known = pieces("Ġfox", "the")
    rendered = render(Text.of("the {noun}!", noun="fox"), known)
    assert [known.convert_ids_to_tokens(token) for token in rendered.tokens] == ["the", "Ġfox", "!"]
    assert rendered.positions["noun"] == (range(1, 2),)


# questions

KNOWN = ("see", "a", "b", "New", "York", "Jersey", "the", "an", "end")


def test_a_question_and_its_twin():
    made = task(item("k", "see a", (" a",), (" b", " end"), twin=Text("see b"), twin_right=(" b",)))
    asked = ask(made.make()[0], made, words(*KNOWN), prepend_bos=True)
    assert asked.prompt.tokens == (1, 2, 3)
    assert asked.twin.tokens == (1, 2, 4)
    assert (asked.right, asked.wrong) == ((3,), (4, 10))


def test_the_model_is_asked_where_answers_first_differ():
    place = item("k", Text.of("see {where}", where="the"), (" New York",), (" New Jersey",), twin=Text("see an"))
    asked = ask(place, task(place), words(*KNOWN))
    assert asked.prompt.tokens == (2, 8, 5)
    assert asked.twin.tokens == (2, 9, 5)
    assert (asked.right, asked.wrong) == ((6,), (7,))
    assert asked.prompt.positions == {"where": (range(1, 2),)}


def test_a_common_beginning_is_that_of_all_answers():
    one = item("k", "see", (" the a",), (" the b", " an"))
    asked = ask(one, task(one), words(*KNOWN))
    assert asked == rendering.SAME_START
    alike = item("k", "see", (" the a",), (" the b", " the end"))
    assert ask(alike, task(alike), words(*KNOWN)).prompt.tokens == (2, 8)


@pytest.mark.parametrize(
    ("made", "tokenizer", "more", "reason"),
    [
        (item("k", "see", ("saw",), (" a",)), pieces("sees"), {}, rendering.MERGED),
        (item("k", "see", (" the a",), (" the",)), words(*KNOWN), {}, rendering.SAME_START),
        (item("k", "see", (" the a", " b"), (" the b",)), words(*KNOWN), {}, rendering.SAME_START),
        (item("k", Text.of("see {long}", long="a")), words(*KNOWN), {}, rendering.WHOLE),
        (item("k", "see"), words(*KNOWN), {"twins": True}, rendering.NO_TWIN),
        (item("k", "see", twin=Text("see a")), words(*KNOWN), {"twins": True}, rendering.UNEVEN),
        (item("k", "see a b"), words(*KNOWN), {"context": 2}, rendering.TOO_LONG),
        (item("k", "see", twin=Text("see a b")), words(*KNOWN), {"context": 2}, rendering.TOO_LONG),
    ],
)
def test_why_an_item_is_left_out(made, tokenizer, more, reason):
    split = task(made, roles={"long": "l"}, several_tokens=("long",))
    assert ask(made, split, tokenizer, **more) == reason


@pytest.mark.parametrize(
    ("made", "more"),
    [
        (item("k", Text.of("see {long}", long="a b")), {}),
        (item("k", "see", twin=Text("a")), {"twins": True}),
        (item("k", "see", twin=Text("see a")), {}),
        (item("k", "see a b"), {"context": 3}),
    ],
)
def test_what_is_just_good_enough_is_asked(made, more):
    split = task(made, roles={"long": "l"}, several_tokens=("long",))
    assert isinstance(ask(made, split, words(*KNOWN), **more), Question)


def model(tokenizer, context=1000, **more):
    network = SimpleNamespace(config=PretrainedConfig(max_position_embeddings=context))
    return SimpleNamespace(id="m", tokenizer=tokenizer, network=network, prepend_bos=False, **more)


def many(count=40):
    """Every other one is too long for a context of three tokens, and every fourth has an unknown word."""
    ends = (" a", " a b", " zebra", " a b")
    return task(
        *(
            item(f"k{n}", f"{KNOWN[n % 9]} {KNOWN[n // 9]}{ends[n % 4]}", (" a",), (" b",), frame=n % 4)
            for n in range(count)
        )
    )


def test_drops_are_counted_by_reason():
    made = many()
    asked = questions(made, model(words(*KNOWN), context=3))
    frames = [i.frame for i in made.items("test")]
    assert {q.item.frame for q in asked.questions} == {0}
    assert len(asked.questions) == frames.count(0)
    assert asked.dropped == {
        rendering.TOO_LONG: frames.count(1) + frames.count(3),
        rendering.UNKNOWN: frames.count(2),
    }


def test_a_limit_counts_what_is_asked_and_only_chooses_before():
    made, known = many(), model(words(*KNOWN), context=3)
    everything = questions(made, known).questions
    few = questions(made, known, limit=3)
    assert few.questions == everything[:3]
    before = made.items("test").index(everything[2].item)
    assert sum(few.dropped.values()) == before - 2
    chosen = questions(made, known, only=lambda i: i.frame == 0)
    assert chosen.questions == everything
    assert chosen.dropped == {}
    dev = questions(made, known, split="dev", only=lambda i: i.frame == 0).questions
    assert {q.item.key for q in dev}.isdisjoint(q.item.key for q in everything)


def test_where_nothing_can_be_asked_the_reasons_are_told():
    made = many()
    with pytest.raises(DetectionError, match=r"no item of some-task can be put to m \(longer than .* context: \d+"):
        questions(made, model(words(*KNOWN), context=1), only=lambda i: i.frame != 2)
    with pytest.raises(DetectionError, match=r"\(none of its test split\)"):
        questions(made, model(words(*KNOWN)), only=lambda i: False)
    with pytest.raises(DetectionError, match="m has no tokenizer, so some-task can't be put to it"):
        questions(made, model(None))


# requests

TEMPLATE = "{{ bos_token }} user {{ messages[0]['content'] }} end{% if add_generation_prompt %} answer\n{% endif %}"


def talking(template=TEMPLATE):
    return words("user", "end", "answer", "see", "a", "b", chat_template=template)


def test_a_request_is_put_into_the_chat_template():
    text = as_request(Text.of("see {it}", it="a"), talking())
    assert text.text == "<s> user see a end answer\n"
    assert text.passages("it") == ("a",)
    plain = Text.of("see {it}", it="a")
    assert as_request(plain, words("see", "a")) == plain


def test_a_bos_token_of_the_template_is_not_doubled():
    made = item("k", Text.of("see {it}", it="a"), (" a",), (" b",), twin=Text("see b"))
    asked = ask(made, task(made, form="request"), talking(), prepend_bos=True)
    assert asked.prompt.tokens == (1, 2, 5, 6, 3, 4)
    assert asked.twin.tokens == (1, 2, 5, 7, 3, 4)
    assert asked.prompt.positions["it"] == (range(3, 4),)
    without = ask(made, task(made, form="request"), talking(TEMPLATE.replace("{{ bos_token }} ", "")), prepend_bos=True)
    assert without.prompt.tokens == asked.prompt.tokens
    assert ask(made, task(made), talking(), prepend_bos=True).prompt.tokens == (1, 5, 6), "no request: no template"


def test_answers_begin_a_reply_without_a_space():
    made = item("k", "see", (" a",), (" b",))
    template = "{{ messages[0]['content'] }}\n"
    known = pieces("Ġa", "Ġb", chat_template=template)
    reply = ask(made, task(made, form="request"), known)
    assert known.convert_ids_to_tokens([*reply.right, *reply.wrong]) == ["a", "b"]
    plain = ask(made, task(made), known)
    assert known.convert_ids_to_tokens([*plain.right, *plain.wrong]) == ["Ġa", "Ġb"]


@pytest.mark.parametrize("change", ["| upper", "| trim"])
def test_a_template_that_changes_the_message_is_refused(change):
    template = TEMPLATE.replace("['content']", f"['content'] {change}")
    with pytest.raises(DetectionError, match=r"the chat template changes the message 'see\\n'"):
        as_request(Text("see\n"), talking(template))


def templated(template):
    tokenizer = words("a", "b", "user", "You", "are")
    tokenizer.chat_template = template
    return tokenizer


def test_roles_are_found_in_the_message_and_not_in_what_the_template_says_itself():
    tokenizer = templated("You are a {% for m in messages %}user {{ m['content'] }}{% endfor %} b")
    text = as_request(Text.of("{w:You are} a"), tokenizer)
    assert text.text == "You are a user You are a b"
    assert text.passages("w") == ("You are",)
    assert text.spans[0].start == len("You are a user ")


def test_the_date_is_held_still_and_thoughts_are_left_out():
    tokenizer = templated("{{ date_string }}{% if enable_thinking %} think{% endif %} {{ messages[0]['content'] }}")
    assert as_request(Text("a"), tokenizer).text == f"{rendering.DATE} a"


def test_a_template_that_fails_is_one_sentence():
    with pytest.raises(DetectionError, match="the chat template of this tokenizer fails on a plain message: no users"):
        as_request(Text("a"), templated("{{ raise_exception('no users') }}"))


def test_no_items_are_asked_for():
    with pytest.raises(DetectionError, match="0 items of some-task are asked for; ask for one or more"):
        questions(many(), model(words(*KNOWN)), limit=0)
