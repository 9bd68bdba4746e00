"""Markov chains: every prompt is written by a random chain of its own, over a few symbols.

A prompt draws 3 to 8 symbols from the pool and a row of the transition matrix for each, evenly among all laws
(Dirichlet with concentration 1). Scored is the second half. The twin has the first half in another order, its last
symbol kept: the same symbols, as often, without their transitions. So the nats saved are what the transitions of
the first half add to how often symbols come and to the transitions seen within the second half: few, since the chain
itself is random. `needed` is therefore 0, and reaching it says that order was used, not only frequency.
Source: edelman-2024-statistical-induction.
"""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from survey_tools.heads.prompts.sequences import Sequences, SequenceTask

FEWEST, MOST = 3, 8
"""Symbols of a chain."""


def draw(pool: Int[Tensor, " token"], prompts: int, length: int, generator: torch.Generator) -> Sequences:
    """Prompts and twins of `length` tokens, one less where `length` is odd."""
    half = length // 2
    tokens = torch.stack([_chain(pool, 2 * half, generator) for _ in range(prompts)])
    twin = tokens.clone()
    for row in twin:
        order = torch.randperm(half - 1, generator=generator)
        row[: half - 1] = row[order]
    second = torch.zeros_like(tokens, dtype=torch.bool)
    second[:, half:] = True
    return Sequences(tokens, twin, second, {"first half": ~second, "second half": second})


def _chain(pool: Tensor, length: int, generator: torch.Generator) -> Int[Tensor, " pos"]:
    count = int(torch.randint(FEWEST, MOST + 1, (), generator=generator))
    symbols = pool[torch.randperm(len(pool), generator=generator)[:count]]
    count = len(symbols)
    # exponential draws, brought to sum one, are even among all laws
    rows = -torch.rand(count, count, generator=generator).clamp_min(1e-9).log()
    states = [int(torch.randint(count, (), generator=generator))]
    for _ in range(length - 1):
        states.append(int(torch.multinomial(rows[states[-1]], 1, generator=generator)))
    return symbols[states]


TASK = SequenceTask(
    id="markov-chains",
    name="Markov chains in context",
    description="A random chain over a few tokens, another in every prompt: how likely is each to come next?",
    source="edelman-2024-statistical-induction",
    draw=draw,
    roles={"first half": "what the transitions are learned from", "second half": "what is to be predicted"},
    length=64,
    needed=None,
)
