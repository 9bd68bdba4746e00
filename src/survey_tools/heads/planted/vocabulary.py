"""Words of planted models, and a tokenizer with one token a word."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from survey_tools.heads.words.frames import INDIRECT_OBJECT_FRAMES
from survey_tools.heads.words.order import DAYS, MONTHS, NUMBERS
from survey_tools.heads.words.people import NAMES

BOS, UNKNOWN, ASK, COMMA = "<s>", "<unk>", "to", ","
CLASSES = (DAYS, MONTHS, NUMBERS[:10])
"""Ordered classes that successor heads know."""


def vocabulary() -> list[str]:
    """Words of the published model: names, ordered classes, and what the sentence frames need."""
    frames = " ".join(INDIRECT_OBJECT_FRAMES).format(A="", B="", S="")
    words = Whitespace().pre_tokenize_str(frames)
    return list(dict.fromkeys([BOS, UNKNOWN, *(word for word, _ in words), *NAMES, *class_words()]))


def class_words() -> list[str]:
    """All words of the ordered classes, class by class."""
    return [word for words in CLASSES for word in words]


def build_tokenizer(words: Sequence[str] | None = None) -> PreTrainedTokenizerFast:
    """One token a word, of the published model's vocabulary unless `words` gives another (BOS and unknown first).

    Other words become `<unk>`, which tasks refuse; every text begins with BOS.
    """
    words = vocabulary() if words is None else words
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, unk_token=UNKNOWN)
