"""The words of a small model: one token a word, digits one by one, so that tasks can be asked at any of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Sequence as Steps
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from survey_tools.heads.prompts.task import TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.tasks import Task, succession
from survey_tools.heads.training.fillers import FILLERS

BOS, UNKNOWN = "<s>", "<unk>"
DIGITS = tuple("0123456789")
_SPACE = Regex(r"\s+")
_WORDS = Regex(r"\d|[^\W\d_]+|[^\w\s]|_")
"""A digit, a run of letters, or one sign; a space before a word is no part of it."""


def vocabulary(tasks: Sequence[Task]) -> tuple[str, ...]:
    """Every word of the tasks' items in both splits, digits, and words for random sequences; sorted, BOS first.

    That a word is known says nothing about which items are trained on.
    """
    split = _pre_tokenizer()
    found: set[str] = {*DIGITS, *FILLERS, *(word for words in succession.CLASSES.values() for word in words)}
    for text in _texts(tasks):
        found.update(word for word, _ in split.pre_tokenize_str(text))
    return (BOS, UNKNOWN, *sorted(found))


def _texts(tasks: Iterable[Task]) -> Iterable[str]:
    for task in tasks:
        if not isinstance(task, TextTask):
            continue
        for item in (*task.items("dev"), *task.items("test")):
            texts: tuple[Text | None, ...] = (item.prompt, item.twin)
            yield from (text.text for text in texts if text)
            yield from (*item.right, *item.wrong)


def build_tokenizer(words: Sequence[str]) -> PreTrainedTokenizerFast:
    """A tokenizer of `words` (BOS and unknown first); every text begins with BOS, another word becomes `<unk>`.

    `Mary` is one token at the start of a text and after a space alike, so decoding gives words with a space between.
    Tasks refuse `<unk>`. Example: `build_tokenizer(("<s>", "<unk>", "a"))("a b").input_ids` is `[0, 2, 1]`.
    """
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = _pre_tokenizer()
    tokenizer.post_processor = TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, unk_token=UNKNOWN)


def _pre_tokenizer() -> Steps:
    return Steps([Split(_SPACE, "removed"), Split(_WORDS, "isolated")])
