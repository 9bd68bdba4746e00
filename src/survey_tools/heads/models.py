"""Open models: from a source to a network that runs, whatever the source is.

    load("smollm2-135m-instruct", source)      # pulls, verifies and converts once; later a second or two
    load("me/model", source_of("me/model"))    # a repository of the hub, or a folder

What runs is named exactly: `LoadedModel.digest` is the sha256 of the weights themselves. The class of a
network is one of transformers' own; code that comes with weights is never run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from survey_tools.errors import ModelCorrupt, ModelUnavailable
from survey_tools.heads.supply.cache import cache_folder, file_digest, read_manifest, weights_digest
from survey_tools.heads.supply.folder import (
    TOKENIZER_FILES,
    network_class,
    parameter_count,
    read_config,
    read_settings,
    weight_files,
)
from survey_tools.heads.supply.gguf_conversion import quiet_transformers
from survey_tools.heads.supply.pull import is_cached, pull, verify
from survey_tools.heads.supply.room import MARGIN, require_memory
from survey_tools.heads.supply.sources import (
    FolderSource,
    HubSource,
    Licence,
    ModelSource,
    PackageSource,
    PlantedSource,
    Progress,
    TrainedSource,
    Wheel,
    source_of,
)
from survey_tools.heads.supply.trained import trained_files

__all__ = [
    "FolderSource",
    "HubSource",
    "Licence",
    "LoadedModel",
    "ModelSource",
    "PackageSource",
    "PlantedSource",
    "Progress",
    "TrainedSource",
    "Wheel",
    "cache_folder",
    "is_cached",
    "load",
    "pull",
    "source_of",
    "verify",
]

POOLER = "pooler."
"""Sentence encoders are published with and without it; nothing about attention depends on it."""


@dataclass(frozen=True)
class LoadedModel:
    """A network ready to be read: in eval mode, without gradients for its weights."""

    id: str
    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast | None
    digest: str
    """sha256 of the weights that run: of the safetensors file (of the list of shards' hashes, if several),
    or, for a planted model, of its state dict."""
    prepend_bos: bool
    """Whether the tokenizer itself starts every text with its BOS token."""
    source: ModelSource | None = None
    """Where the weights came from; for a hub, with the revision that was taken."""


def load(
    model_id: str,
    source: ModelSource,
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    progress: Progress | None = None,
    licence: Licence | None = None,
    accept_licence: bool = False,
    parameters: int | None = None,
) -> LoadedModel:
    """A model of any source, pulled first where needed, in `dtype` on `device`.

    `parameters` is how many numbers its weights hold, where that is known beforehand: what does not fit is then
    refused before anything is fetched.

    Raises:
        ModelError: one of its kinds, as `pull` raises them; ModelTooLarge also when memory is too small, and
            ModelCorrupt when the weights do not fill the network.
    """
    if isinstance(source, PlantedSource):
        return _load_planted(model_id, source, device, dtype)
    if isinstance(source, TrainedSource):
        return _load_trained(model_id, source, device, dtype)
    item = torch.empty((), dtype=dtype).element_size()
    folder = pull(
        model_id,
        source,
        progress=progress,
        licence=licence,
        accept_licence=accept_licence,
        memory=(parameters or 0) * item * MARGIN,
        device=device,
    )
    weights = weight_files(folder)
    require_memory(parameter_count(weights) * item * MARGIN, f"loading {model_id} as {dtype}", device)
    network = _load_network(folder, dtype).to(device)
    # Else a path of this machine, which would end up in notebooks.
    network.name_or_path = network.config.name_or_path = model_id
    tokenizer = _load_tokenizer(folder)
    manifest = None if isinstance(source, FolderSource) else read_manifest(folder)
    digest = manifest.digest if manifest else weights_digest({path.name: file_digest(path) for path in weights})
    if isinstance(source, HubSource) and manifest:
        source = HubSource(source.repo, manifest.source["revision"])
    return LoadedModel(model_id, _frozen(network), tokenizer, digest, prepends_bos(tokenizer), source)


def state_digest(state: Mapping[str, Tensor]) -> str:
    """sha256 over the names, types, shapes and bytes of a state dict, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _load_planted(model_id: str, source: PlantedSource, device: str, dtype: torch.dtype) -> LoadedModel:
    from survey_tools.heads.planted import build_planted

    network, tokenizer = build_planted(source.recipe, source.seed)
    digest = state_digest(network.state_dict())
    moved = network.to(device=device, dtype=dtype)
    return LoadedModel(model_id, _frozen(moved), tokenizer, digest, prepends_bos(tokenizer), source)


def _load_trained(model_id: str, source: TrainedSource, device: str, dtype: torch.dtype) -> LoadedModel:
    """Read where it lies, packaged weights and checkpoints alike."""
    files = trained_files(model_id, source)
    settings = read_settings(files.config)
    config = AutoConfig.for_model(**settings)
    state = _read_tensors(files.weights)
    chosen = network_class(settings, str(files.config))
    network = _from_pretrained(chosen, files.weights, dtype, None, config=config, state_dict=state).to(device)
    network.name_or_path = network.config.name_or_path = model_id
    tokenizer = _plain_tokenizer(files.tokenizer, config)
    return LoadedModel(
        model_id, _frozen(network), tokenizer, file_digest(files.weights), prepends_bos(tokenizer), source
    )


def _read_tensors(weights: Path) -> dict[str, Tensor]:
    try:
        return dict(load_file(weights))
    except SafetensorError as error:
        raise ModelCorrupt(f"{weights} is not a safetensors file: {error}") from error


def _plain_tokenizer(path: Path, config: PretrainedConfig) -> PreTrainedTokenizerFast:
    """Exactly what tokenizer.json says; its special tokens are those that the configuration names by id."""
    words = Tokenizer.from_file(str(path))
    ids = {f"{name}_token": getattr(config, f"{name}_token_id", None) for name in ("bos", "eos", "pad")}
    special = {name: words.id_to_token(token) for name, token in ids.items() if isinstance(token, int)}
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        unk_token=getattr(words.model, "unk_token", None),
        clean_up_tokenization_spaces=False,
        **special,
    )


def _load_network(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    chosen = network_class(read_config(folder), str(folder))
    return _from_pretrained(chosen, folder, dtype, folder, local_files_only=True, use_safetensors=True)


def _from_pretrained(
    chosen: type[PreTrainedModel], where: Path, dtype: torch.dtype, folder: Path | None, **given: Any
) -> PreTrainedModel:
    with quiet_transformers():
        try:
            network, report = chosen.from_pretrained(folder, dtype=dtype, output_loading_info=True, **given)
        except (ValueError, RuntimeError, OSError, KeyError) as error:
            raise ModelCorrupt(f"{where} cannot be loaded as a {chosen.__name__}: {error!r}") from error
    # transformers only warns, and runs on with random numbers in the place of what is missing.
    missing = sorted(name for name in report["missing_keys"] if not name.startswith(POOLER))
    if missing:
        raise ModelCorrupt(f"{where} lacks {len(missing)} tensor(s) that a {chosen.__name__} has, first {missing[0]}")
    return network


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerFast | None:
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        return None
    with quiet_transformers():
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except (ValueError, OSError, KeyError, ImportError) as error:
            raise ModelCorrupt(f"the tokenizer in {folder} cannot be loaded: {error}") from error
    if not tokenizer.is_fast:
        raise ModelUnavailable(f"{folder} has no fast tokenizer; save one as tokenizer.json beside the weights")
    return tokenizer


def prepends_bos(tokenizer: PreTrainedTokenizerFast | None) -> bool:
    """Whether the tokenizer itself starts every text with its BOS token."""
    if tokenizer is None or tokenizer.bos_token_id is None:
        return False
    tokens = tokenizer("a")["input_ids"]
    return len(tokens) > 0 and tokens[0] == tokenizer.bos_token_id


def _frozen(network: PreTrainedModel) -> PreTrainedModel:
    return network.eval().requires_grad_(False)
