"""Planted cases drawn by seed: how many heads of each type, where, how strong, and which near-misses beside them.

`draw_case("llama", 3)` is always the same network. Drawn are the vocabulary (and with it the length of a repeated
copy), the number of layers and heads, 0 to 2 heads of each type, their layers, places and strengths, and as many
kinds of near-misses as places are left. All other heads are noise. `catalogue` says what the heads are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from survey_tools.errors import ModelUnknown
from survey_tools.heads.capture import Head
from survey_tools.heads.models import LoadedModel, state_digest
from survey_tools.heads.planted.catalogue import HEAD_TYPES, Catalogue, Planned
from survey_tools.heads.planted.draws import Draws
from survey_tools.heads.planted.gpt2 import LearnedPositions
from survey_tools.heads.planted.llama import GROUP, RotaryPositions
from survey_tools.heads.planted.vocabulary import BOS, UNKNOWN, build_tokenizer, class_words
from survey_tools.heads.words.people import NAMES

RECIPES = ("gpt2", "llama")
SPARE_POSITIONS = 3
"""Beyond two copies: no head is read at the very end of the context."""
SPARE_HEADS = 2
"""Places left to heads of noise at least."""
GROUPS = 4
"""Groups of a layer in the rotary recipe, each of one planned head and a half head."""


@dataclass(frozen=True)
class NearMiss:
    """A head that does part of what a definition asks for."""

    kind: str
    fools: str
    """The head type that it comes near to."""


@dataclass(frozen=True)
class PlantedCase:
    """A network with known answers. `planted[head type]` must be found, everything else must not."""

    recipe: str
    seed: int
    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    planted: Mapping[str, tuple[Head, ...]]
    near_misses: Mapping[Head, NearMiss]
    half_length: int
    """Words in one copy of a repeated sequence that this vocabulary allows."""

    @property
    def id(self) -> str:
        """`gpt2-3`: recipe and seed."""
        return f"{self.recipe}-{self.seed}"

    @property
    def model(self) -> LoadedModel:
        """For detectors."""
        return LoadedModel(self.id, self.network, self.tokenizer, state_digest(self.network.state_dict()), True)


def draw_case(recipe: str, seed: int) -> PlantedCase:
    """The case of a recipe (`gpt2`: learned positions, `llama`: rotary ones and shared keys) and a seed.

    Example: `draw_case("gpt2", 0).planted["induction"]`.
    Raises ModelUnknown for another recipe.
    """
    return CaseDraw(recipe, seed).build()


class CaseDraw:
    """The draw of one case; every choice comes from one generator in a fixed order."""

    def __init__(self, recipe: str, seed: int) -> None:
        if recipe not in RECIPES:
            raise ModelUnknown(f"there is no recipe {recipe!r} for planted cases; there are: {', '.join(RECIPES)}.")
        self.recipe, self.seed, self.draws = recipe, seed, Draws(seed)
        names = [NAMES[n] for n in self.draws.order(len(NAMES))[: self.draws.integer(6, 14)]]
        self.words = [BOS, UNKNOWN, *names, *class_words()]
        self.half_length = (len(self.words) - 2) // 2
        self.layers = self.draws.integer(3, 4)
        self.places = self.draws.integer(5, 6) if recipe == "gpt2" else GROUPS
        positions = 1 + 2 * self.half_length + SPARE_POSITIONS
        parts = LearnedPositions if recipe == "gpt2" else RotaryPositions
        self.parts: LearnedPositions | RotaryPositions = parts(self.words, positions, self.places, seed)
        self.catalogue = Catalogue(self.parts, self.draws, self.layers, self.half_length)

    def build(self) -> PlantedCase:
        """Plan, place and set all heads."""
        free = {(layer, n) for layer in range(self.layers) for n in range(self.places)}
        placed: dict[Head, Planned] = {}
        certain, possible = self.plan()
        for planned in certain:
            placed[self.place(free, planned, placed)] = planned
        shuffled = [possible[index] for index in self.draws.order(len(possible))]
        for planned in sorted(shuffled, key=lambda p: (p.above == "", len(p.layers))):  # the choosy ones first
            if len(free) > SPARE_HEADS and self.fitting(free, planned, placed):
                placed[self.place(free, planned, placed)] = planned
        return self.finish(placed)

    def plan(self) -> tuple[list[Planned], list[Planned]]:
        """Heads that get a place for certain, and near-misses that get one as long as there are any."""
        counts = {head_type: self.draws.integer(0, 2) for head_type in HEAD_TYPES}
        counts["induction"] *= counts["previous-token"] > 0  # without a feeder there is no induction
        feeder = self.draws.integer(0, self.layers - 3)  # two layers above: for induction, and for what reads it
        misses = self.catalogue.near_misses(feeder if counts["previous-token"] else None)
        return self.catalogue.true_heads(counts, feeder), misses

    def fitting(self, free: set[Head], planned: Planned, placed: Mapping[Head, Planned]) -> list[Head]:
        """Places where a head may stand."""
        lowest = 0
        if planned.above:
            below = [layer for (layer, _), head in placed.items() if head.type == planned.above and not head.kind]
            lowest = min(below, default=self.layers) + 1
        return sorted(at for at in free if at[0] in planned.layers and at[0] >= lowest)

    def place(self, free: set[Head], planned: Planned, placed: Mapping[Head, Planned]) -> Head:
        """Take one of the places."""
        fitting = self.fitting(free, planned, placed)
        at = fitting[self.draws.integer(0, len(fitting) - 1)]
        free.remove(at)
        return at

    def finish(self, placed: Mapping[Head, Planned]) -> PlantedCase:
        """Set the weights, and write down where everything came to stand."""
        whole = {at: planned.weights() for at, planned in sorted(placed.items())}
        heads = {at: at for at in placed}
        halves: dict[Head, NearMiss] = {}
        network: PreTrainedModel
        if isinstance(self.parts, RotaryPositions):
            groups = {}
            for (layer, group), weights in whole.items():
                second = self.draws.integer(0, 1)  # which of the two query heads is the planned one
                half = self.parts.half_head(weights)
                groups[layer, group] = (half, weights) if second else (weights, half)
                heads[layer, group] = (layer, GROUP * group + second)
                other = (layer, GROUP * group + 1 - second)
                halves[other] = NearMiss("keys and values only", placed[layer, group].type)
            network = self.parts.network(self.layers, groups)
        else:
            network = self.parts.network(self.layers, whole)
        misses = {heads[at]: NearMiss(head.kind, head.type) for at, head in placed.items() if head.kind}
        return PlantedCase(
            recipe=self.recipe,
            seed=self.seed,
            network=network,
            tokenizer=build_tokenizer(self.words),
            planted={
                head_type: tuple(sorted(heads[at] for at, h in placed.items() if h.type == head_type and not h.kind))
                for head_type in HEAD_TYPES
            },
            near_misses=dict(sorted({**misses, **halves}.items())),
            half_length=self.half_length,
        )
