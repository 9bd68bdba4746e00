"""Whether a model fits: asked before anything is downloaded, converted or loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

from survey_tools.errors import ModelTooLarge, ModelUnavailable

GIB = 1 << 30
MARGIN = 1.25
"""Room beside the weights for activations and the loader's own copies."""

DEQUANTISED_GROWTH = 8
"""A 4-bit number becomes one of 32 bits; files of more bits grow less, so this is the worst case."""


DTYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


def in_words(amount: float) -> str:
    """`0.53 GiB`, or MiB below a tenth of one."""
    return f"{amount / GIB:.2f} GiB" if amount >= GIB / 10 else f"{amount / (1 << 20):.2f} MiB"


def require_disk(folder: Path, needed: int, what: str) -> None:
    """Refuses when the disk that holds `folder` (which need not exist yet) has less than `needed` bytes free.

    Raises:
        ModelTooLarge: naming both numbers and what to do.
    """
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise ModelTooLarge(
            f"{what} needs up to {in_words(needed)} of disk under {folder} and {in_words(free)} are free; "
            "free some, or point SURVEY_CACHE to a folder on another disk"
        )


def memory_to_load(parameters: int, dtype: str) -> float:
    """Bytes that it takes to load so many numbers as `float32`, `bfloat16` or `float16`."""
    return parameters * DTYPE_BYTES[dtype] * MARGIN


def require_memory(needed: float, what: str, device: str = "cpu") -> None:
    """Refuses when `device` has less than `needed` bytes of memory available.

    Raises:
        ModelTooLarge: naming both numbers and what to do.
    """
    available = available_memory(device)
    if available < needed:
        raise ModelTooLarge(
            f"{what} needs {in_words(needed)} of memory on {device} and {in_words(available)} are available; "
            "close other programs, choose a smaller dtype or model, or use a larger machine"
        )


def available_memory(device: str) -> int:
    """Bytes that can still be allocated on a device. Raises ModelUnavailable where there is no such device."""
    kind = device.partition(":")[0]
    if kind not in ("cpu", "cuda", "mps"):
        raise ModelUnavailable(f"there is no device {device!r}; expected cpu, cuda, cuda:1, ... or mps")
    if kind == "cuda":
        import torch

        try:
            return int(torch.cuda.mem_get_info(torch.device(device))[0])
        except (RuntimeError, AssertionError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelUnavailable(f"device {device!r} cannot be used here: {reason}") from error
    import psutil

    return int(psutil.virtual_memory().available)
