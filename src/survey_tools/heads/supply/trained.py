"""Where the weights of our own small trained models lie, for the trainer that writes them and the loader.

    <package>/heads/data/<recipe>-<seed>.safetensors    finished weights, float16, committed for some seeds
    <package>/heads/data/<recipe>.json                  their configuration, as transformers writes config.json
    <package>/heads/data/<recipe>.tokenizer.json        their tokenizer
    <cache>/trained/<recipe>-<seed>/step-<n>/           a checkpoint: config.json, model.safetensors, tokenizer.json

The checkpoints of a training say nothing of whether it is finished, so none of them is taken for the finished
weights by itself: they are asked for by their step.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from survey_tools.errors import ModelUnavailable
from survey_tools.heads.supply.cache import cache_folder, require_digest
from survey_tools.heads.supply.sources import TrainedSource

DATA = Path(__file__).resolve().parents[1] / "data"
"""Weights that come with the package."""


@dataclass(frozen=True)
class TrainedFiles:
    """The three files that a trained model is made of."""

    config: Path
    weights: Path
    tokenizer: Path

    @property
    def complete(self) -> bool:
        """Whether all three are there."""
        return all(path.is_file() for path in (self.config, self.weights, self.tokenizer))


def packaged_files(recipe: str, seed: int) -> TrainedFiles:
    """Where the finished weights of a seed lie in the package, or would."""
    return TrainedFiles(
        config=DATA / f"{recipe}.json",
        weights=DATA / f"{recipe}-{seed}.safetensors",
        tokenizer=DATA / f"{recipe}.tokenizer.json",
    )


def training_folder(recipe: str, seed: int) -> Path:
    """Where a training of this machine keeps its checkpoints, each in `step-<n>`."""
    return cache_folder() / "trained" / f"{recipe}-{seed}"


def checkpoint_files(recipe: str, seed: int, step: int) -> TrainedFiles:
    """Where the checkpoint of one step lies, or would: a plain folder in Hugging Face's layout."""
    folder = training_folder(recipe, seed) / f"step-{step}"
    return TrainedFiles(folder / "config.json", folder / "model.safetensors", folder / "tokenizer.json")


def trained_steps(recipe: str, seed: int) -> tuple[int, ...]:
    """Steps whose checkpoint is here whole, in order."""
    names = (path.name for path in training_folder(recipe, seed).glob("step-*"))
    steps = (int(match[1]) for name in names if (match := re.fullmatch(r"step-(\d+)", name)))
    return tuple(sorted(step for step in steps if checkpoint_files(recipe, seed, step).complete))


def trained_files(model_id: str, source: TrainedSource) -> TrainedFiles:
    """The files of a source: finished weights from the package, a checkpoint from the cache.

    Raises:
        ModelUnavailable: this seed, or this step of it, is not on this machine; says the command that makes it.
        ModelCorrupt: the weights in the package are not the pinned ones.
    """
    recipe, seed, step = source.recipe, source.seed, source.step
    steps = trained_steps(recipe, seed)
    train = f"`survey train {recipe} --seed {seed}` makes them"
    if step is not None:
        if step in steps:
            return checkpoint_files(recipe, seed, step)
        why = nearest(step, steps) if steps else train
        raise ModelUnavailable(f"{model_id}: no checkpoint of step {step} is on this machine; {why}")
    packaged = packaged_files(recipe, seed)
    if not packaged.complete:
        here = f"; of its checkpoints here, {recipe}@seed-{seed}-step-{steps[-1]} is the last" if steps else ""
        raise ModelUnavailable(f"{model_id}: the finished weights of seed {seed} are not in the package; {train}{here}")
    if source.sha256 is not None:
        require_digest(packaged.weights, source.sha256, packaged.weights.name)
    return packaged


def nearest(step: int, steps: tuple[int, ...]) -> str:
    """`the nearest are 512 and 1000`, for a step that is none of `steps`."""
    two = sorted(sorted(steps, key=lambda other: abs(other - step))[:2])
    return f"the nearest {'is' if len(two) == 1 else 'are'} {' and '.join(map(str, two))}"
