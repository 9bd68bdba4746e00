"""GGUF to a plain Hugging Face folder, once.

transformers reads GGUF, but slowly (it dequantises every tensor in Python), and refuses to save the result
because the configuration still says "quantised". What runs afterwards are float32 numbers like any others, so
we write those: safetensors without the tied unembedding, a configuration without its quantization entry, and
the tokenizer as tokenizer.json. Reloaded, the logits are equal to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from survey_tools.errors import ModelCorrupt
from survey_tools.heads.supply.sources import Progress, silent

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keeps transformers from drawing its own progress bars and load reports; its settings are put back."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def _tensors_counted(progress: Progress) -> Iterator[None]:
    """Reports each dequantised tensor, in the place of a bar that transformers draws whatever its settings."""
    from transformers import modeling_gguf_pytorch_utils as reader

    bar = getattr(reader, "tqdm", None)

    def counted(tensors: Sequence[object], **_: object) -> Iterator[object]:
        for number, tensor in enumerate(tensors, start=1):
            yield tensor
            progress("dequantising", number, len(tensors))

    if bar is not None:
        reader.tqdm = counted
    try:
        yield
    finally:
        if bar is not None:
            reader.tqdm = bar


def convert_gguf(gguf: Path, folder: Path, progress: Progress = silent) -> dict[str, str]:
    """Writes the float32 model of a GGUF file and its tokenizer into `folder`; returns the versions used.

    Raises:
        ModelCorrupt: transformers cannot make a model of the file.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    progress("reading the GGUF file, once (under a minute for a small model)", 0, 0)
    with quiet_transformers(), _tensors_counted(progress):
        try:
            network = AutoModelForCausalLM.from_pretrained(
                gguf.parent, gguf_file=gguf.name, dtype=torch.float32, local_files_only=True
            )
            progress("reading the tokenizer", 0, 0)
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
        except (ValueError, KeyError, IndexError, RuntimeError, OSError) as error:
            raise ModelCorrupt(f"{gguf.name} cannot be read as a GGUF language model: {error}") from error
    progress("writing safetensors", 0, 0)
    write_plain_folder(network, folder)
    for key in ("is_local", "local_files_only"):  # how it was loaded here is no property of the tokenizer
        tokenizer.init_kwargs.pop(key, None)
    tokenizer.save_pretrained(folder)
    return {name: version(name) for name in ("torch", "transformers", "gguf")}


def write_plain_folder(network: PreTrainedModel, folder: Path) -> None:
    """config.json and model.safetensors of a model, as if it had never been quantised."""
    from safetensors.torch import save_file

    config = type(network.config)(**_plain_settings(network))
    config.save_pretrained(folder)
    save_file(untied_state(network), folder / "model.safetensors", metadata={"format": "pt"})


def untied_state(network: PreTrainedModel) -> dict[str, torch.Tensor]:
    """The state dict, each tensor once: a tied unembedding is the embedding and is left out."""
    state: dict[str, torch.Tensor] = {}
    places: set[int] = set()
    for name, tensor in network.state_dict().items():
        if tensor.data_ptr() not in places:
            places.add(tensor.data_ptr())
            state[name] = tensor.contiguous()
    return state


def _plain_settings(network: PreTrainedModel) -> dict[str, object]:
    settings = dict(network.config.to_dict())
    for key in ("quantization_config", "_name_or_path", "_model_name_or_path", "transformers_version"):
        settings.pop(key, None)
    settings["architectures"] = [type(network).__name__]
    settings["dtype"] = "float32"
    return settings
