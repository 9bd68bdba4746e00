"""The folder of one training: its checkpoints, and the state that a stopped run goes on from.

    run.json             what is trained here: recipe, seed, words; another training is refused
    state.pt             weights, optimizer and step, replaced as a whole every `save_every` steps
    step-<n>/            a checkpoint in Hugging Face's layout, weights rounded to float16; put there by one rename

Whatever is killed when, every file that has its name is whole. All checkpoints are rounded alike, so that the last one
is the same model as the finished weights.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors.torch import save_file
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from survey_tools.errors import ModelError
from survey_tools.heads.training.recipe import Recipe

RUN, STATE, LOCK = "run.json", "state.pt", ".lock"


class TrainingFolder:
    """Where one training keeps what it made; to be used inside `opened`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def opened(self, facts: Mapping[str, Any]) -> Iterator[None]:
        """Makes the folder this training's own for as long as it runs.

        Raises ModelError when it cannot be written, another process trains in it, or it holds another training.
        """
        with _writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / LOCK)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise ModelError(f"{self.path}: another process trains there now; wait for it to end.") from None
        try:
            self._claim(facts)
            self._remove_leftovers()
            yield
        finally:
            lock.release()

    def _remove_leftovers(self) -> None:
        """What a killed process was writing; nobody else is, since the lock is ours."""
        for path in self.path.glob(".*.tmp"):
            path.unlink(missing_ok=True)
        for path in self.path.glob(".step-*.partial"):
            shutil.rmtree(path, ignore_errors=True)

    def _claim(self, facts: Mapping[str, Any]) -> None:
        path = self.path / RUN
        wanted = json.loads(json.dumps(facts))
        if not path.exists():
            _replace(path, lambda temporary: temporary.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8"))
            return
        try:
            there = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: cannot be read ({error}); remove the folder to train anew.") from error
        if there != wanted:
            raise ModelError(
                f"{self.path} holds another training ({_difference(there, wanted)}); choose another folder with "
                "--out, or remove this one."
            )

    def publish(self, step: int, network: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> Path:
        """Puts the checkpoint of a step in its place. Raises ModelError when it cannot be written."""
        target, partial = self.path / f"step-{step}", self.path / f".step-{step}.partial"
        with _writing(target):
            partial.mkdir()
            write_weights(network, partial / "model.safetensors")
            write_config(network, partial / "config.json")
            tokenizer.backend_tokenizer.save(str(partial / "tokenizer.json"))
            (partial / "tokenizer_config.json").write_text(tokenizer_config(tokenizer), encoding="utf-8")
            for file in partial.iterdir():
                _sync(file)
            shutil.rmtree(target, ignore_errors=True)  # of a run that was killed after this step: the same bytes
            partial.replace(target)
            _sync(self.path)
        return target

    def save_state(self, step: int, network: LlamaForCausalLM, optimizer: torch.optim.Optimizer) -> None:
        """Keeps what the next step needs. Raises ModelError when it cannot be written; the old state stays."""
        state = {"step": step, "network": network.state_dict(), "optimizer": optimizer.state_dict()}
        _replace(self.path / STATE, lambda temporary: torch.save(state, temporary))

    def load_state(self, network: LlamaForCausalLM, optimizer: torch.optim.Optimizer) -> int | None:
        """Puts back what was kept last and returns its step; None where nothing was.

        Raises ModelError when the file is damaged.
        """
        path = self.path / STATE
        if not path.exists():
            return None
        try:
            state = torch.load(path, map_location=network.device, weights_only=True)
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
            return int(state["step"])
        except Exception as error:  # torch raises many kinds for a file that is not its own
            raise ModelError(
                f"{path} cannot be read ({type(error).__name__}); remove it to begin this training again."
            ) from error


def recipe_of(folder: Path) -> Recipe:
    """What is trained in a folder. Raises ModelError where no training has left word of it."""
    path = folder / RUN
    try:
        return Recipe.model_validate(json.loads(path.read_text(encoding="utf-8"))["recipe"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: does not say what was trained ({error}); train anew in an empty folder.") from error


def copy_finished(checkpoint: Path, name: str, seed: int, folder: Path) -> tuple[Path, ...]:
    """A checkpoint as the package carries finished weights: `name-seed.safetensors`, and two files for all seeds.

    Raises ModelError when they cannot be written.
    """
    names = {
        "model.safetensors": f"{name}-{seed}.safetensors",
        "config.json": f"{name}.json",
        "tokenizer.json": f"{name}.tokenizer.json",
    }
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(Path(shutil.copyfile(checkpoint / own, folder / given)) for own, given in names.items())


def write_weights(network: LlamaForCausalLM, path: Path) -> None:
    """The weights, rounded to float16, the unembedding left out: it is the embedding."""
    state = network.state_dict()
    kept = {name: state[name].detach().half().cpu().contiguous() for name in sorted(state) if name != "lm_head.weight"}
    save_file(kept, path, metadata={"format": "pt"})


def write_config(network: LlamaForCausalLM, path: Path) -> None:
    """The configuration; the same for every seed and step."""
    config = network.config.to_diff_dict() | {"architectures": ["LlamaForCausalLM"], "dtype": "float16"}
    config.pop("transformers_version", None)
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def tokenizer_config(tokenizer: PreTrainedTokenizerFast) -> str:
    """Which tokens of tokenizer.json are special."""
    special = {"bos_token": tokenizer.bos_token, "unk_token": tokenizer.unk_token}
    return json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **special}, indent=1) + "\n"


def _difference(there: Any, wanted: Any, where: str = "") -> str:
    """The first value in which two nested dicts differ: `training.steps is 30, not 40`."""
    if isinstance(there, dict) and isinstance(wanted, dict):
        for key in sorted({*there, *wanted}):
            if there.get(key) != wanted.get(key):
                return _difference(there.get(key), wanted.get(key), f"{where}.{key}" if where else str(key))
    return f"its {where} is {there!r}, not {wanted!r}"


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file beside its place and renames it, so that a reader sees the old one or the new one."""
    with _writing(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            _sync(temporary)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync(path.parent)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        # safetensors and torch wrap the system's error in kinds of their own
        if not isinstance(error, OSError | RuntimeError) and type(error).__name__ != "SafetensorError":
            raise
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ModelError(
            f"{path}: cannot be written ({reason}); free space or fix permissions, then run the same command again: "
            "it goes on from the last state kept."
        ) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
