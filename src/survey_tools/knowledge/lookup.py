"""Names: when two are the same, and which known one a wrong one may have meant."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache


@lru_cache(maxsize=65536)
def name_key(name: str) -> str:
    """What two spellings of one name share: `Name-Mover Head`, `name_mover` and `name movers heads` differ
    only in what this drops (case, accents of compatibility, spaces, `_`, `-`, `.`, a final `head(s)`).
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    text = re.sub(r"[\W_]+", "", text)
    return re.sub(r"(?<=.)heads?$", "", text)


def closest(word: str, known: Collection[str]) -> str | None:
    """The entry of `known` most like `word`, or None when none is near."""
    matches = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if not matches:
        lowered = {candidate.casefold(): candidate for candidate in sorted(known)}
        near = difflib.get_close_matches(word.casefold(), lowered, n=1, cutoff=0.6)
        matches = [lowered[match] for match in near]
    return matches[0] if matches else None


def did_you_mean(word: str, known: Collection[str]) -> str:
    """`did you mean 'induction'?`, or an empty string when nothing is near."""
    near = closest(word, known)
    return f"did you mean '{near}'?" if near is not None else ""
