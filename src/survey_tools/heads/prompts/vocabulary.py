"""Single words and short texts as tokens; what has no token of its own is said, never replaced by an unknown one."""

from __future__ import annotations

from typing import Any

from survey_tools.heads.prompts.offsets import token_offsets


def single_token(tokenizer: Any, word: str) -> int | None:
    """The one token of `word` after a space, or None where the tokenizer splits it or does not know it."""
    ids = tokenizer.encode(" " + word, add_special_tokens=False)
    return ids[0] if len(ids) == 1 and ids[0] != tokenizer.unk_token_id else None


def encode(tokenizer: Any, text: str, prepend_bos: bool) -> list[int]:
    """Tokens of a text, with the beginning-of-sequence token in front where `prepend_bos` says so.

    Raises DetectionError where the tokenizer has no token for some word of the text.
    """
    ids, _ = token_offsets(tokenizer, text)
    return [tokenizer.bos_token_id, *ids] if prepend_bos else ids
