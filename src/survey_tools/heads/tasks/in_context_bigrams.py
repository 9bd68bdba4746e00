"""In-context bigrams: a trigger is followed by the same output token all through one prompt, by another in the next.

Pairs of trigger and output stand at random places among filler tokens that occur once; every trigger comes `TIMES`
times. Scored are the outputs of triggers that were seen before. In the twin each occurrence of a trigger is a token of
its own: the outputs stand where they stood, as often as before, and nothing says when they come. So the nats saved are
what the pairs are worth beyond knowing which tokens return. Source: bietti-2023-birth, whose fillers come from a fixed
bigram law; ours are drawn evenly.
"""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from survey_tools.heads.prompts.sequences import Sequences, SequenceTask

TIMES = 3
"""Occurrences of a trigger in a prompt."""
SHARE = 0.6
"""Of the tokens of a prompt that belong to pairs."""


def draw(pool: Int[Tensor, " token"], prompts: int, length: int, generator: torch.Generator) -> Sequences:
    """Prompts and twins of `length` tokens, or of the pool's size where that is smaller."""
    length = min(length, len(pool))
    drawn = [_one(pool, length, generator) for _ in range(prompts)]
    tokens, twin, trigger, scored = (torch.stack(column) for column in zip(*drawn, strict=True))
    return Sequences(tokens, twin, scored, {"trigger": trigger, "output": trigger.roll(1, 1)})


def _one(pool: Tensor, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Tokens, twin, where triggers stand, and which outputs are told, of one prompt."""
    kinds = max(1, int(SHARE * length) // (2 * TIMES))
    pairs = kinds * TIMES
    fillers = length - 2 * pairs
    different = pool[torch.randperm(len(pool), generator=generator)]
    drawn = different[: 2 * kinds + fillers + pairs]
    triggers, outputs, filler, lone = torch.split(drawn, [kinds, kinds, fillers, pairs])

    # the order of units: a pair of kind 0, 1, ... or a filler
    units = torch.cat([torch.arange(kinds).repeat(TIMES), torch.full((fillers,), -1)])
    units = units[torch.randperm(len(units), generator=generator)]
    tokens: list[int] = []
    twin: list[int] = []
    trigger, scored = torch.zeros(2, length, dtype=torch.bool)
    seen: set[int] = set()
    lone_tokens, filler_tokens = iter(lone.tolist()), iter(filler.tolist())
    for kind in units.tolist():
        if kind < 0:
            token = next(filler_tokens)
            tokens.append(token)
            twin.append(token)
            continue
        trigger[len(tokens)] = True
        scored[len(tokens) + 1] = kind in seen
        seen.add(kind)
        output = int(outputs[kind])
        tokens += [int(triggers[kind]), output]
        twin += [next(lone_tokens), output]
    return torch.tensor(tokens), torch.tensor(twin), trigger, scored


TASK = SequenceTask(
    id="in-context-bigrams",
    name="in-context bigrams",
    description="Trigger tokens are each followed by their own output token of this prompt: which, is told earlier.",
    source="bietti-2023-birth",
    draw=draw,
    roles={"trigger": "every occurrence of a trigger", "output": "the token that follows a trigger"},
)
