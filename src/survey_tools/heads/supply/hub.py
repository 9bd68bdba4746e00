"""Weights from a Hugging Face hub: one pinned revision, safetensors and tokenizer files only.

The library honours the user's HF_ENDPOINT, HF_TOKEN and proxy. Every downloaded file that the hub keeps by
hash is compared with that hash.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from survey_tools.errors import ModelCorrupt, ModelUnavailable, ModelUnknown
from survey_tools.heads.supply.cache import require_digest
from survey_tools.heads.supply.folder import is_wanted, network_class, read_config, refuse_other_weights
from survey_tools.heads.supply.revisions import is_pinned
from survey_tools.heads.supply.room import require_disk
from survey_tools.heads.supply.sources import HubSource, Progress

PARTS = ".cache"
"""Folder of what is not whole yet, beside the library's own bookkeeping; it goes when the model is finished."""


def resolve(source: HubSource, progress: Progress) -> HubSource:
    """The source with the commit that its revision means now; says which one was taken.

    Raises:
        ModelUnknown: no such repository or revision.
        ModelUnavailable: no network, gated, or the hub refuses.
    """
    if is_pinned(source):
        return source
    commit = str(_ask(source).sha)
    progress(f"{source.repo}: taking revision {commit}", 0, 0)
    return replace(source, revision=commit)


def download(source: HubSource, folder: Path, progress: Progress) -> dict[str, str]:
    """Brings the files of a resolved source into `folder`; a second call goes on where the first stopped.

    Raises:
        ModelUnknown: no such repository or revision.
        ModelUnavailable: no network, gated, or no safetensors.
        ArchitectureRefused: the model needs code that transformers does not have.
        ModelCorrupt: a file is not the one that the hub has by hash.
        ModelTooLarge: the disk is too full.
    """
    present = _ask(source).siblings or ()
    _require_weights(source, [file.rfilename for file in present])
    files = [file for file in present if is_wanted(file.rfilename)]
    total = sum(file.size or 0 for file in files)
    require_disk(folder, total, source.repo)
    done = 0
    # The configuration first: a model that will be refused should not be downloaded before.
    for file in sorted(files, key=lambda file: (file.rfilename != "config.json", file.rfilename)):
        progress(f"downloading {file.rfilename} of {source.repo}", done, total)
        if file.lfs is not None:
            _fetch_large(source, file.rfilename, file.size or 0, file.lfs.sha256, folder)
        else:
            _fetch(source, file.rfilename, folder)
        if file.rfilename == "config.json":
            network_class(read_config(folder), source.repo)
        done += file.size or 0
    progress(f"downloaded {source.repo}", total, total)
    return {name: version(name) for name in ("huggingface_hub", "transformers")}


def _require_weights(source: HubSource, names: list[str]) -> None:
    if "config.json" not in names:
        raise ModelUnknown(f"{source.repo} has no config.json, so it is no model in Hugging Face's layout")
    if not {"model.safetensors", "model.safetensors.index.json"}.intersection(names):
        refuse_other_weights(source.repo, names)
        raise ModelUnavailable(f"{source.repo} has no model.safetensors at revision {source.revision}")


def _endpoint() -> str:
    """The hub's address; the library reads HF_ENDPOINT only once, when it is imported."""
    from huggingface_hub import constants

    return os.environ.get("HF_ENDPOINT", str(constants.ENDPOINT)).rstrip("/")


def _ask(source: HubSource) -> Any:
    from huggingface_hub import HfApi

    with _explained(source):
        return HfApi(endpoint=_endpoint()).model_info(source.repo, revision=source.revision, files_metadata=True)


def _fetch(source: HubSource, name: str, folder: Path) -> None:
    from huggingface_hub import hf_hub_download

    with _explained(source), _no_bars():
        hf_hub_download(source.repo, name, revision=source.revision, local_dir=folder, endpoint=_endpoint())


def _fetch_large(source: HubSource, name: str, size: int, sha256: str, folder: Path) -> None:
    """A file that the hub keeps by hash, from the byte where a killed pull stopped.

    `hf_hub_download` begins anew in every process, since it cannot rely on locks; here the caller holds one.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    target, part = folder / name, folder / PARTS / name
    if target.is_file():  # verified before it got this name
        return
    part.parent.mkdir(parents=True, exist_ok=True)
    if part.is_file() and part.stat().st_size > size:
        part.unlink()
    address = hf_hub_url(source.repo, name, revision=source.revision, endpoint=_endpoint())
    with _explained(source), _no_bars(), part.open("ab") as stream:
        http_get(address, stream, resume_size=stream.tell(), headers=build_hf_headers(), expected_size=size)
    try:
        require_digest(part, sha256, f"{name} of {source.repo}")
    except ModelCorrupt:
        part.unlink()
        raise
    part.replace(target)


@contextmanager
def _no_bars() -> Iterator[None]:
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


@contextmanager
def _explained(source: HubSource) -> Iterator[None]:
    """Turns what the hub's library raises into one sentence each."""
    from huggingface_hub import errors

    page = f"{_endpoint()}/{source.repo}"
    try:
        yield
    except errors.GatedRepoError as error:
        raise ModelUnavailable(
            f"{source.repo} is gated: accept its licence at {page}, then log in with `hf auth login` or set HF_TOKEN"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ModelUnknown(f"{source.repo} has no revision {source.revision}; see {page}/commits/main") from error
    except errors.RepositoryNotFoundError as error:
        raise ModelUnknown(
            f"no model {source.repo} on {_endpoint()}; check the spelling, or set HF_TOKEN if it is private"
        ) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        raise ModelUnavailable(f"the hub answered {status} for {source.repo}; try again later") from error
    except errors.OfflineModeIsEnabled as error:
        raise ModelUnavailable(f"cannot fetch {source.repo}: HF_HUB_OFFLINE is set; unset it to download") from error
    except errors.HTTPError as error:
        raise ModelUnavailable(
            f"cannot reach {_endpoint()} for {source.repo} ({type(error).__name__}); check the network, "
            "or use a model whose weights come from a package index (`survey models list`)"
        ) from error
    except OSError as error:
        raise ModelUnavailable(f"could not download {source.repo}: {error}") from error
