"""Which characters each token stands for, and so which tokens a span of characters is made of."""

from __future__ import annotations

from typing import Any

from survey_tools.errors import DetectionError, UnknownWord


def token_offsets(tokenizer: Any, text: str, *, special: bool = False) -> tuple[list[int], list[tuple[int, int]]]:
    """Tokens of a text and the characters `(start, stop)` of each; a special token has none (`start == stop`).

    A tokenizer that keeps no offsets is read by decoding longer and longer beginnings.

    Raises UnknownWord where the tokenizer has no token for some word (no unknown token is ever handed on), and
    DetectionError where it keeps no offsets and does not give back the text it was given.
    """
    if getattr(tokenizer, "is_fast", False):
        encoded = tokenizer(text, add_special_tokens=special, return_offsets_mapping=True)
        ids, offsets = list(encoded["input_ids"]), [(int(a), int(b)) for a, b in encoded["offset_mapping"]]
    else:
        ids = list(tokenizer.encode(text, add_special_tokens=special))
        offsets = _offsets_by_decoding(tokenizer, text, ids)
    unknown = tokenizer.unk_token_id
    for token, (start, stop) in zip(ids, offsets, strict=True):
        if token == unknown and stop > start and text[start:stop] != tokenizer.unk_token:
            raise _unknown(text[start:stop], text)
    return ids, offsets


def _unknown(word: str, text: str) -> UnknownWord:
    return UnknownWord(
        f"this tokenizer has no token for {word.strip()!r} in {text!r}, so it can't be put to the model; use a task "
        "made of words that it knows."
    )


def _offsets_by_decoding(tokenizer: Any, text: str, ids: list[int]) -> list[tuple[int, int]]:
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    offsets: list[tuple[int, int]] = []
    known: list[int] = []
    at = 0
    for token in ids:
        if token in special:
            offsets.append((at, at))
            continue
        known.append(token)
        read = tokenizer.decode(known, clean_up_tokenization_spaces=False)
        # some put a space of their own in front
        shift = 0 if text[:1].isspace() else len(read) - len(read.lstrip())
        stop = min(len(read) - shift, len(text))
        # a character whose bytes are not all there yet is read as a replacement; the tokens to come share it
        whole = stop - 1 if read.endswith("\ufffd") and text[stop - 1 : stop] != "\ufffd" else stop
        if read[shift : shift + whole] != text[:whole]:
            if token == tokenizer.unk_token_id:
                raise _unknown(text[at:].split()[0], text)
            raise DetectionError(
                f"this tokenizer reads {text!r} back as {read!r} and keeps no offsets, so roles can't be found in its "
                "tokens; use its fast version."
            )
        offsets.append((at, max(at, stop)))
        at = max(at, whole)
    return offsets


def tokens_of_span(offsets: list[tuple[int, int]], start: int, stop: int) -> range:
    """Positions of the tokens that share a character with `start` to `stop`."""
    inside = [i for i, (a, b) in enumerate(offsets) if a < stop and b > start]
    return range(inside[0], inside[-1] + 1) if inside else range(0)
