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
            raise UnknownWord(
                f"this tokenizer has no token for {text[start:stop].strip()!r} in {text!r}, so it can't be put to the "
                "model; use a task made of words that it knows."
            )
    return ids, offsets


def _offsets_by_decoding(tokenizer: Any, text: str, ids: list[int]) -> list[tuple[int, int]]:
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    offsets, at = [], 0
    for count, token in enumerate(ids, 1):
        if token in special:
            offsets.append((at, at))
            continue
        known = [t for t in ids[:count] if t not in special]
        read = tokenizer.decode(known, clean_up_tokenization_spaces=False)
        shift = (
            len(read) - len(read.lstrip()) if not text[:1].isspace() else 0
        )  # some put a space of their own in front
        stop = min(len(read) - shift, len(text))
        if "\ufffd" not in read[-1:] and read[shift : shift + stop] != text[:stop]:
            raise DetectionError(
                f"this tokenizer reads {text!r} back as {read!r} and keeps no offsets, so roles can't be found in its "
                "tokens; use its fast version."
            )
        offsets.append((at, max(at, stop)))
        at = max(at, stop)
    return offsets


def tokens_of_span(offsets: list[tuple[int, int]], start: int, stop: int) -> range:
    """Positions of the tokens that share a character with `start` to `stop`."""
    inside = [i for i, (a, b) in enumerate(offsets) if a < stop and b > start]
    return range(inside[0], inside[-1] + 1) if inside else range(0)
