"""A GPT-2 whose weights are set by hand, so that the right answer of every detector is known.

Three layers of six heads in stock `GPT2LMHeadModel`. Four heads do the jobs that the first detectors look
for; beside each stands a near-miss that does half of it, and heads of noise:

| planted | where | near-misses beside it |
|---|---|---|
| previous-token | L0H0 | L0H2 looks two back; L0H3 looks one back and writes nothing; L1H3 always looks 35 back |
| duplicate-token | L0H1 | L0H4 looks at any copy of its token, itself included |
| induction | L1H0 | L2H1 copy suppression (same attention, opposite write); L1H2 copies, looks nowhere; L1H3 |
| successor | L2H2 | L2H3 writes the predecessor; L2H4 writes the token itself |

L1H1 (name inhibition) and L2H0 (name mover) complete a small indirect-object circuit, so that removing the
duplicate-token head has an effect to measure; the successor head looks from a comma to the latest word of an
ordered class.

How it works. The residual stream is cut into blocks (token, previous token, output, marks, junk, position,
constant). A large constant pair in every embedding makes LayerNorm the identity up to a part in 10,000; one-hot
codes are centred, so that the mean LayerNorm subtracts is zero. Each matching head pays half its gain to the
first token, and rests there when nothing matches. MLPs are zero; the unembedding reads the output block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from jaxtyping import Float
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from survey_tools.errors import ModelUnknown
from survey_tools.heads.tasks.words import DAYS, INDIRECT_OBJECT_FRAMES, MONTHS, NAMES, NUMBERS

LAYERS, HEADS, POSITIONS = 3, 6, 104
CONSTANT = 100.0
GAIN = 40.0
"""Gap of scores between what a planted head looks at and everything else."""
FIXED_LAG = 35
"""Where the repeated copies of this vocabulary are 36 tokens long, this distance is that of induction."""
BOS, UNKNOWN, ASK, COMMA = "<s>", "<unk>", "to", ","
CLASSES = (DAYS, MONTHS, NUMBERS[:10])

PLANTED: Mapping[str, tuple[tuple[int, int], ...]] = MappingProxyType(
    {
        "previous-token": ((0, 0),),
        "duplicate-token": ((0, 1),),
        "induction": ((1, 0),),
        "successor": ((2, 2),),
    }
)
"""Where the heads of each type are, as (layer, head): what a detector must find, and nothing else."""


def vocabulary() -> list[str]:
    """The planted model's words: names, ordered classes, and what the sentence frames need."""
    frames = " ".join(INDIRECT_OBJECT_FRAMES).format(A="", B="", S="")
    words = Whitespace().pre_tokenize_str(frames)
    return list(dict.fromkeys([BOS, UNKNOWN, *(word for word, _ in words), *NAMES, *(w for c in CLASSES for w in c)]))


def build_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word; unknown words become `<unk>`, which tasks refuse."""
    words = vocabulary()
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, unk_token=UNKNOWN)


def build_planted(recipe: str = "gpt2", seed: int = 0) -> tuple[GPT2LMHeadModel, PreTrainedTokenizerFast]:
    """The planted network (eval mode, float32) and its tokenizer; `seed` draws the heads of noise.

    Raises ModelUnknown for another recipe than `gpt2`.
    """
    if recipe != "gpt2":
        raise ModelUnknown(f"there is no planted recipe {recipe!r}; the only one is 'gpt2'.")
    return _Builder(seed).network(), build_tokenizer()


@dataclass
class _HeadWeights:
    """Weights of one head acting on the left, rows are the head's dimensions."""

    q: Float[Tensor, "d_head d_model"]
    k: Float[Tensor, "d_head d_model"]
    v: Float[Tensor, "d_head d_model"]
    o: Float[Tensor, "d_model d_head"]


@dataclass
class _Builder:
    seed: int
    words: list[str] = field(default_factory=vocabulary)

    def __post_init__(self) -> None:
        self.n_words = len(self.words)
        self.d_head = self.n_words + POSITIONS  # a match of words and a match of positions side by side
        self.d_model = HEADS * self.d_head
        self.block: dict[str, slice] = {}
        start = 0
        sizes = {
            "token": self.n_words,
            "previous": self.n_words,
            "output": self.n_words,
            "marks": 6,
            "junk": 16,
        }
        for name, size in {**sizes, "position": POSITIONS, "constant": 2}.items():
            self.block[name] = slice(start, start + size)
            start += size
        marks = (self.block["marks"].start + 2 * n for n in range(4))
        self.bos_mark, self.name_mark, self.seen_mark, self.class_mark = marks
        self.k0 = self.block["constant"].start
        self.scale = self.d_head**0.5  # undoes the division by sqrt(d_head)
        self.generator = torch.Generator().manual_seed(self.seed)

    # -- pieces of heads

    def zeros(self) -> Tensor:
        return torch.zeros(self.d_head, self.d_model)

    def reads(self, block: str, row: int = 0, matrix: Tensor | None = None) -> Tensor:
        """Rows `row...` read a block of the residual stream, through `matrix` if given."""
        size = self.block[block].stop - self.block[block].start
        weights = self.zeros()
        weights[row : row + size, self.block[block]] = torch.eye(size) if matrix is None else matrix
        return weights

    def match(self, query: str, key: str) -> tuple[Tensor, Tensor]:
        """Score GAIN where the query's word in one block is the key's word in another."""
        share = (GAIN * self.scale) ** 0.5
        return share * self.reads(query), share * self.reads(key)

    def at_lag(self, lag: int) -> tuple[Tensor, Tensor]:
        """Score GAIN at the key `lag` positions back."""
        share = (GAIN * self.scale) ** 0.5
        shift = torch.zeros(POSITIONS, POSITIONS)
        shift[torch.arange(lag, POSITIONS), torch.arange(POSITIONS - lag)] = 1.0
        return share * self.reads("position"), share * self.reads("position", matrix=shift)

    def rest(self, pair: tuple[Tensor, Tensor], share: float = 0.5) -> tuple[Tensor, Tensor]:
        """Every query pays a share of the gain to the first token."""
        q, k = pair[0].clone(), pair[1].clone()
        q[-1, self.k0] += share * GAIN * self.scale / CONSTANT
        k[-1, self.bos_mark] += 1.0
        return q, k

    def not_itself(self, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Take the gain away again at the query's own position."""
        share = (GAIN * self.scale) ** 0.5
        return pair[0] - share * self.reads("position", self.n_words), pair[1] + share * self.reads(
            "position", self.n_words
        )

    def asks(self, word: str, marks: Sequence[int], share: float) -> tuple[Tensor, Tensor]:
        """Only the query `word` looks, at keys with marks; each mark is worth `share` of the gain."""
        q, k = self.zeros(), self.zeros()
        q[0, self.block["token"].start + self.words.index(word)] = GAIN * self.scale
        for mark in marks:
            k[0, mark] = share
        return q, k

    def latest_first(self, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Of several keys that match, the latest: each position is worth a tenth of the gain more."""
        k = pair[1].clone()
        k[0, self.block["position"]] = 0.1 * torch.arange(POSITIONS)
        return pair[0], k

    def writes(self, target: str, gain: float = 1.0, matrix: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """OV from the token block to `target`, through `matrix` ([to, from]) if given."""
        v, o = self.reads("token"), torch.zeros(self.d_model, self.d_head)
        code = _centred(self.n_words)
        o[self.block[target], : self.n_words] = gain * (code if matrix is None else code @ matrix)
        return v, o

    def nothing(self) -> tuple[Tensor, Tensor]:
        return self.zeros(), torch.zeros(self.d_model, self.d_head)

    def marks_seen(self) -> tuple[Tensor, Tensor]:
        """OV that writes `seen` when it rests on any word, and nothing when it rests on the first token."""
        v, o = self.zeros(), torch.zeros(self.d_model, self.d_head)
        v[0, self.k0], v[0, self.bos_mark] = 1.0 / CONSTANT, -1.0
        o[self.seen_mark, 0], o[self.seen_mark + 1, 0] = 1.0, -1.0
        return v, o

    def next_word(self, step: int) -> Tensor:
        """[to, from] matrix from a word to the one `step` further in its ordered class."""
        matrix = torch.zeros(self.n_words, self.n_words)
        for words in CLASSES:
            for index in range(len(words)):
                if 0 <= index + step < len(words):
                    matrix[self.words.index(words[index + step]), self.words.index(words[index])] = 1.0
        return matrix

    def noise(self, size: float = 0.3) -> _HeadWeights:
        """A head of no purpose, with scores of about unit size; it writes into the junk block only."""
        q, k, v = (torch.randn(self.d_head, self.d_model, generator=self.generator) for _ in range(3))
        for part, gain in ((q, 0.7), (k, 0.7), (v, 3 * size / self.d_model**0.5)):
            part *= gain
            part[:, self.block["constant"]] = 0
        o = torch.zeros(self.d_model, self.d_head)
        junk = torch.randn(16, self.d_head, generator=self.generator) * size / self.d_head**0.5
        o[self.block["junk"]] = junk - junk.mean(0)
        return _HeadWeights(q, k, v, o)

    # -- the plan

    def plan(self) -> dict[tuple[int, int], _HeadWeights]:
        junk = self.junk_copy()
        anywhere = (self.zeros(), self.zeros())
        inhibits = self.rest(self.asks(ASK, [self.seen_mark, self.name_mark], 0.6), 0.9)
        continues = self.rest(self.latest_first(self.asks(COMMA, [self.class_mark], 1.0)))
        head = _HeadWeights
        return {
            (0, 0): head(*self.at_lag(1), *self.writes("previous")),
            (0, 1): head(*self.rest(self.not_itself(self.match("token", "token"))), *self.marks_seen()),
            (0, 2): head(*self.at_lag(2), *junk),
            (0, 3): head(*self.at_lag(1), *self.nothing()),
            (0, 4): head(*self.rest(self.match("token", "token")), *junk),
            (1, 0): head(*self.rest(self.match("token", "previous")), *self.writes("output")),
            (1, 1): head(*inhibits, *self.writes("output", -1.0)),
            (1, 2): head(*anywhere, *self.writes("output", 0.3)),
            (1, 3): head(*self.at_lag(FIXED_LAG), *self.writes("output", 0.2)),
            (2, 0): head(*self.rest(self.asks(ASK, [self.name_mark], 1.0)), *self.writes("output")),
            (2, 1): head(*self.rest(self.match("output", "token")), *self.writes("output", -0.4)),
            (2, 2): head(*continues, *self.writes("output", 1.0, self.next_word(1))),
            (2, 3): head(*self.at_lag(0), *self.writes("output", 0.2, self.next_word(-1))),
            (2, 4): head(*self.at_lag(0), *self.writes("output", 0.2)),
        }  # fmt: skip

    def junk_copy(self) -> tuple[Tensor, Tensor]:
        """OV that throws the token into the junk block at random: a write that nothing reads."""
        v, o = self.reads("token"), torch.zeros(self.d_model, self.d_head)
        code = torch.randn(16, self.n_words, generator=self.generator) * 0.1
        o[self.block["junk"], : self.n_words] = code - code.mean(0)
        return v, o

    def network(self) -> GPT2LMHeadModel:
        config = GPT2Config(
            vocab_size=self.n_words,
            n_positions=POSITIONS,
            n_embd=self.d_model,
            n_layer=LAYERS,
            n_head=HEADS,
            n_inner=8,
            tie_word_embeddings=False,
            bos_token_id=0,
            eos_token_id=0,
        )
        network = GPT2LMHeadModel(config).eval()
        network.requires_grad_(False)
        for name, parameter in network.named_parameters():
            is_gain = ("ln_" in name) and name.endswith("weight")
            parameter.fill_(CONSTANT * (2 / self.d_model) ** 0.5 if is_gain else 0.0)
        self.embed(network)
        plan = self.plan()
        for layer in range(LAYERS):
            attention = network.transformer.h[layer].attn
            for head in range(HEADS):
                weights = plan.get((layer, head)) or self.noise()
                here = slice(head * self.d_head, (head + 1) * self.d_head)
                for part, matrix in enumerate((weights.q, weights.k, weights.v)):
                    columns = slice(part * self.d_model + here.start, part * self.d_model + here.stop)
                    attention.c_attn.weight[:, columns] = matrix.T
                attention.c_proj.weight[here] = weights.o.T
        network.lm_head.weight[:, self.block["output"]] = 12.0 * torch.eye(self.n_words)
        return network

    def embed(self, network: GPT2LMHeadModel) -> None:
        code = _centred(self.n_words)
        code[0] = 0  # the first token is no word
        embedding = network.transformer.wte.weight
        embedding[:, self.block["token"]] = code
        embedding[0, self.bos_mark], embedding[0, self.bos_mark + 1] = 1.0, -1.0
        members = [word for words in CLASSES for word in words]
        for words, mark in ((NAMES, self.name_mark), (members, self.class_mark)):
            for word in words:
                row = self.words.index(word)
                embedding[row, mark], embedding[row, mark + 1] = 1.0, -1.0
        positions = network.transformer.wpe.weight
        positions[:, self.block["position"]] = _centred(POSITIONS)
        positions[:, self.block["constant"]] = torch.tensor([CONSTANT, -CONSTANT])


def _centred(size: int) -> Tensor:
    """One-hot codes that sum to zero."""
    return torch.eye(size) - 1.0 / size
