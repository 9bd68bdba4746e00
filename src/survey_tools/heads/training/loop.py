"""Training a small model: the same seed on the same machine gives the same bytes, stopped in between or not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from survey_tools.heads.models import LoadedModel
from survey_tools.heads.prompts.sequences import token_pool
from survey_tools.heads.supply.sources import Progress, silent
from survey_tools.heads.tasks import load_task
from survey_tools.heads.training.checkpoints import TrainingFolder
from survey_tools.heads.training.mixture import Mixture, Rows
from survey_tools.heads.training.network import build_network
from survey_tools.heads.training.recipe import Recipe, Schedule
from survey_tools.heads.training.schedule import checkpoint_steps, learning_rate
from survey_tools.heads.training.vocabulary import build_tokenizer, vocabulary

BETAS = (0.9, 0.95)
REPORT = 50
"""Steps between two lines of progress."""


@dataclass(frozen=True)
class Training:
    """All that a training starts from, ready made."""

    recipe: Recipe
    seed: int
    network: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerFast
    mixture: Mixture

    @classmethod
    def of(cls, recipe: Recipe, seed: int) -> Training:
        """Words, network and mixture of a recipe. Raises DetectionError for a task that cannot be made into text."""
        shares = [(load_task(task), share) for task, share in sorted(recipe.mixture.items())]
        words = vocabulary([task for task, _ in shares])
        tokenizer = build_tokenizer(words)
        network = build_network(recipe.network, len(words), seed)
        pool = token_pool(LoadedModel("", network, tokenizer, "", True))
        mixture = Mixture(
            shares,
            tokenizer,
            pool,
            seed=seed,
            rows=recipe.training.rows,
            length=recipe.network.context,
        )
        return cls(recipe, seed, network, tokenizer, mixture)

    def facts(self) -> dict[str, Any]:
        """What tells this training from another one."""
        return {
            "recipe": self.recipe.model_dump(),
            "seed": self.seed,
            "words": self.tokenizer.convert_ids_to_tokens(range(len(self.tokenizer))),
        }


def train(recipe: Recipe, seed: int, folder: Path, *, device: str = "cpu", progress: Progress = silent) -> Path:
    """Trains, or goes on with a training that was stopped; returns the folder of the last checkpoint.

    `folder` gets the checkpoints. Rows are drawn on the CPU, so every device reads the same ones.
    Raises ModelError when the folder cannot be written or holds another training.

    Example: `train(load_recipe("tiny"), 0, training_folder("tiny", 0))`.
    """
    schedule = recipe.training
    kept = checkpoint_steps(schedule.steps, schedule.checkpoints)
    training = Training.of(recipe, seed)
    place = TrainingFolder(folder)
    with place.opened(training.facts()), _repeatable(device):
        network = training.network.to(device).train()
        optimizer = build_optimizer(network, schedule)
        begun = place.load_state(network, optimizer)
        if begun is None:
            begun = 0
            place.publish(0, network, training.tokenizer)
        for step in range(begun, schedule.steps):
            loss = take_step(network, optimizer, training.mixture.rows(step), schedule, step)
            done = step + 1
            if done in kept:
                place.publish(done, network, training.tokenizer)
            if done in kept or done % schedule.save_every == 0:
                place.save_state(done, network, optimizer)
            if done % REPORT == 0 or done == schedule.steps:
                progress(f"training, seed {seed}: step {done} with loss {float(loss):.3f}", done, schedule.steps)
    return folder / f"step-{schedule.steps}"


def build_optimizer(network: LlamaForCausalLM, schedule: Schedule) -> torch.optim.AdamW:
    """AdamW; gains of norms are not pulled towards zero."""
    parameters = list(network.parameters())
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": schedule.weight_decay},
            {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=schedule.learning_rate,
        betas=BETAS,
    )


def take_step(
    network: LlamaForCausalLM, optimizer: torch.optim.Optimizer, rows: Rows, schedule: Schedule, step: int
) -> Tensor:
    """One step of training; returns the loss in nats."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(
            step,
            steps=schedule.steps,
            warmup=schedule.warmup,
            highest=schedule.learning_rate,
            lowest=schedule.final_learning_rate,
        )
    loss = weighted_loss(network, rows, schedule.untold_weight)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(network.parameters(), schedule.gradient_norm)
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


def weighted_loss(network: LlamaForCausalLM, rows: Rows, untold_weight: float) -> Tensor:
    """Mean loss in nats over all tokens but BOS, those that nothing tells weighted."""
    tokens, told = rows.tokens.to(network.device), rows.told.to(network.device)
    logits = network(input_ids=tokens, use_cache=False).logits[:, :-1]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
    weight = torch.where(told[:, 1:], 1.0, untold_weight)
    weight = weight.masked_fill(tokens[:, 1:] == network.config.bos_token_id, 0.0).flatten()
    return (loss * weight).sum() / weight.sum()


@contextmanager
def _repeatable(device: str) -> Iterator[None]:
    """One thread, and no kernel whose sums depend on which thread comes first; settings are put back."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses to be deterministic
    torch.set_num_threads(1)  # two threads on a busy machine were slower than one
    torch.use_deterministic_algorithms(True, warn_only=device != "cpu")
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)
