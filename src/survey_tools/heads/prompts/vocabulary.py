"""Single words and short texts as tokens; what has no token of its own is said, never replaced by an unknown one."""

from __future__ import annotations

from typing import Any

from survey_tools.errors import UnknownWord
from survey_tools.heads.prompts.offsets import token_offsets, tokens_of_span


def single_token(tokenizer: Any, word: str) -> int | None:
    """The one token of `word` after a space, or None where the tokenizer splits it or does not know it.

    Read after the word itself: some tokenizers put a space of their own in front of a text.
    """
    try:
        ids, offsets = token_offsets(tokenizer, f"{word} {word}")
    except UnknownWord:
        return None
    where = tokens_of_span(offsets, len(word) + 1, 2 * len(word) + 1)
    return ids[where[0]] if len(where) == 1 and offsets[where[0]][0] >= len(word) else None


def encode(tokenizer: Any, text: str, prepend_bos: bool) -> list[int]:
    """Tokens of a text, with the beginning-of-sequence token in front where `prepend_bos` says so.

    Raises DetectionError where the tokenizer has no token for some word of the text.
    """
    ids, _ = token_offsets(tokenizer, text)
    return [tokenizer.bos_token_id, *ids] if prepend_bos else ids
