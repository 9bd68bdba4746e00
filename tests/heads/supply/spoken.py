"""A progress callback that remembers what was said."""

from __future__ import annotations


class Spoken:
    def __init__(self) -> None:
        self.words: list[str] = []

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self.words or self.words[-1] != what:
            self.words.append(what)
