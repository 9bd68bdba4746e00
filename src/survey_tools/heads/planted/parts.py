"""Parts that heads are set by hand from: what a query and a key read, what a head writes.

The residual stream is cut into blocks, and every part reads or writes whole blocks:

| block | holds |
|---|---|
| `token`, `previous`, `output` | a word as a one-hot code: that of the position, of the one before, of the prediction |
| `marks` | the first token, names, words seen before, members of an ordered class; a pair of numbers each |
| `junk` | what heads of noise write, and nobody reads |
| `position` | the position as a one-hot code, where positions are learned |
| `constant` | one large number, the same everywhere |

The norm trick: beside the constant C everything else is small, so that a norm divides by nearly the same number
everywhere; its gain gives that number back, and the norm is the identity up to |x|^2 / 2 C^2. One-hot codes are
centred, so that the mean that LayerNorm subtracts is zero. How keys are found by distance depends on the position
code: `gpt2.py` (learned) and `llama.py` (rotary) add those parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from survey_tools.heads.planted.vocabulary import CLASSES, class_words
from survey_tools.heads.words.people import NAMES

CONSTANT = 100.0
GAIN = 40.0
"""Gap of scores between what a planted head looks at and everything else."""
UNEMBEDDING = 12.0
"""Logits that a word in the output block gets."""
JUNK = 16

Pair = tuple[Tensor, Tensor]
"""(W_Q, W_K) or (W_V, W_O) of one head."""


@dataclass
class HeadWeights:
    """Weights of one head acting on the left, rows are the head's dimensions."""

    q: Float[Tensor, "d_head d_model"]
    k: Float[Tensor, "d_head d_model"]
    v: Float[Tensor, "d_head d_model"]
    o: Float[Tensor, "d_model d_head"]


class Parts:
    """Parts of heads for one vocabulary and one size of the residual stream."""

    def __init__(
        self, words: Sequence[str], d_head: int, d_model: int, blocks: dict[str, int], rows: Tensor, seed: int
    ) -> None:
        self.words = list(words)
        self.n_words = len(words)
        self.d_head, self.d_model = d_head, d_model
        self.rows: Int[Tensor, " row"] = rows
        """Dimensions of a head in which words are compared and carried."""
        self.block: dict[str, slice] = {}
        start = 0
        for name, size in blocks.items():
            self.block[name] = slice(start, start + size)
            start += size
        marks = (self.block["marks"].start + 2 * n for n in range(4))
        self.bos_mark, self.name_mark, self.seen_mark, self.class_mark = marks
        self.k0 = self.block["constant"].start
        self.scale = d_head**0.5  # undoes the division by sqrt(d_head)
        self.generator = torch.Generator().manual_seed(seed)

    def zeros(self) -> Tensor:
        """Weights that read nothing."""
        return torch.zeros(self.d_head, self.d_model)

    def reads(self, block: str, row: int = 0, matrix: Tensor | None = None) -> Tensor:
        """Rows `row...` read a block of the residual stream, through `matrix` if given."""
        size = self.block[block].stop - self.block[block].start
        weights = self.zeros()
        weights[self.rows[row : row + size], self.block[block]] = torch.eye(size) if matrix is None else matrix
        return weights

    # -- where a head looks

    def match(self, query: str, key: str, gain: float = GAIN) -> Pair:
        """Score `gain` where the query's word in one block is the key's word in another."""
        share = (gain * self.scale) ** 0.5
        return share * self.reads(query), share * self.reads(key)

    def rest(self, pair: Pair, share: float = 0.5, gain: float = GAIN) -> Pair:
        """Every query pays a share of the gain to the first token."""
        q, k = pair[0].clone(), pair[1].clone()
        q[self.rows[-1], self.k0] += share * gain * self.scale / CONSTANT
        k[self.rows[-1], self.bos_mark] += 1.0
        return q, k

    def asks(self, word: str, marks: Sequence[int], share: float) -> Pair:
        """Only the query `word` looks, at keys with marks; each mark is worth `share` of the gain."""
        q, k = self.zeros(), self.zeros()
        q[self.rows[0], self.block["token"].start + self.words.index(word)] = GAIN * self.scale
        for mark in marks:
            k[self.rows[0], mark] = share
        return q, k

    def anywhere(self) -> Pair:
        """Flat attention."""
        return self.zeros(), self.zeros()

    # -- what a head writes

    def writes(self, target: str, gain: float = 1.0, matrix: Tensor | None = None) -> Pair:
        """OV from the token block to `target`, through `matrix` ([to, from]) if given."""
        v, o = self.reads("token"), torch.zeros(self.d_model, self.d_head)
        code = centred(self.n_words)
        o[self.block[target], self.rows[: self.n_words]] = gain * (code if matrix is None else code @ matrix)
        return v, o

    def nothing(self) -> Pair:
        """OV of zero."""
        return self.zeros(), torch.zeros(self.d_model, self.d_head)

    def marks_seen(self) -> Pair:
        """OV that writes `seen` when it rests on any word, and nothing when it rests on the first token."""
        v, o = self.zeros(), torch.zeros(self.d_model, self.d_head)
        row = int(self.rows[0])
        v[row, self.k0], v[row, self.bos_mark] = 1.0 / CONSTANT, -1.0
        o[self.seen_mark, row], o[self.seen_mark + 1, row] = 1.0, -1.0
        return v, o

    def next_word(self, step: int) -> Float[Tensor, "to from"]:
        """From a word to the one `step` further in its ordered class."""
        matrix = torch.zeros(self.n_words, self.n_words)
        for words in CLASSES:
            for index in range(len(words)):
                if 0 <= index + step < len(words):
                    matrix[self.words.index(words[index + step]), self.words.index(words[index])] = 1.0
        return matrix

    def junk_copy(self) -> Pair:
        """OV that throws the token into the junk block at random: a write that nothing reads."""
        v, o = self.reads("token"), torch.zeros(self.d_model, self.d_head)
        code = torch.randn(JUNK, self.n_words, generator=self.generator) * 0.1
        o[self.block["junk"], self.rows[: self.n_words]] = code - code.mean(0)
        return v, o

    def noise(self, size: float = 0.3) -> HeadWeights:
        """A head of no purpose, with scores of about unit size; it writes into the junk block only."""
        q, k, v = (torch.randn(self.d_head, self.d_model, generator=self.generator) for _ in range(3))
        for part, gain in ((q, 0.7), (k, 0.7), (v, 3 * size / self.d_model**0.5)):
            part *= gain
            part[:, self.block["constant"]] = 0
        o = torch.zeros(self.d_model, self.d_head)
        junk = torch.randn(JUNK, self.d_head, generator=self.generator) * size / self.d_head**0.5
        o[self.block["junk"]] = junk - junk.mean(0)
        return HeadWeights(q, k, v, o)

    # -- what the words look like

    def embedding(self) -> Float[Tensor, "word d_model"]:
        """Codes and marks of every word; the first token is no word."""
        embedding = torch.zeros(self.n_words, self.d_model)
        code = centred(self.n_words)
        code[0] = 0
        embedding[:, self.block["token"]] = code
        embedding[0, self.bos_mark], embedding[0, self.bos_mark + 1] = 1.0, -1.0
        for words, mark in ((NAMES, self.name_mark), (class_words(), self.class_mark)):
            for word in set(words) & set(self.words):
                row = self.words.index(word)
                embedding[row, mark], embedding[row, mark + 1] = 1.0, -1.0
        return embedding

    def unembedding(self) -> Float[Tensor, "word d_model"]:
        """Reads the output block."""
        weights = torch.zeros(self.n_words, self.d_model)
        weights[:, self.block["output"]] = UNEMBEDDING * torch.eye(self.n_words)
        return weights


def centred(size: int) -> Float[Tensor, "size size"]:
    """One-hot codes that sum to zero."""
    return torch.eye(size) - 1.0 / size
