"""Words that tasks are made of, and how they become tokens of any tokenizer.

A task says words; a tokenizer may split them. What it splits is dropped by the task and counted, never
replaced by an unknown token.
"""

from __future__ import annotations

from typing import Any

from survey_tools.errors import DetectionError

NAMES = (
    "Mary", "John", "Tom", "James", "Anna", "Paul", "David", "Sarah", "Mark", "Peter", "Jack", "Emma",
    "Alice", "Robert", "Laura", "Kevin",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
NUMBERS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

INDIRECT_OBJECT_FRAMES = (
    "When {A} and {B} went to the store, {S} gave a drink to",
    "When {A} and {B} got a letter at the office, {S} decided to give it to",
    "After {A} and {B} went to the park, {S} handed a ball to",
    "Then, {A} and {B} were working at the school. {S} gave a book to",
    "While {A} and {B} were at the house, {S} wanted to give a snack to",
)


def single_token(tokenizer: Any, word: str) -> int | None:
    """The one token of `word` after a space, or None where the tokenizer splits it or does not know it."""
    ids = tokenizer.encode(" " + word, add_special_tokens=False)
    return ids[0] if len(ids) == 1 and ids[0] != tokenizer.unk_token_id else None


def encode(tokenizer: Any, text: str, prepend_bos: bool) -> list[int]:
    """Tokens of a text, with the beginning-of-sequence token in front where `prepend_bos` says so.

    Raises DetectionError where the tokenizer has no token for some word of the text.
    """
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    if tokenizer.unk_token_id is not None and tokenizer.unk_token_id in ids:
        raise DetectionError(f"this tokenizer has no token for some word of {text!r}, so the task can't be put to it.")
    return [tokenizer.bos_token_id, *ids] if prepend_bos else ids
