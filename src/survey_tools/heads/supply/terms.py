"""Terms that must be accepted before weights are fetched: asked for once, never taken for granted.

Accepted is what the caller says so, what SURVEY_ACCEPT_LICENCE names, and what was accepted on this machine
before: acceptance of one set of terms is kept in the cache and covers every model under the same ones.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from survey_tools.errors import ModelUnavailable
from survey_tools.heads.supply.cache import cache_folder
from survey_tools.heads.supply.sources import Licence

VARIABLE = "SURVEY_ACCEPT_LICENCE"
"""Ids of models or names of licences, separated by commas: `gemma-3-270m,Llama 2 Community License`."""


def require_accepted(model_id: str, licence: Licence | None, accept: bool) -> None:
    """Refuses until the terms were accepted; remembers that they were.

    Raises:
        ModelUnavailable: naming the terms and each way to accept them.
    """
    if licence is None or is_accepted(licence):
        return
    named = {name.strip() for name in os.environ.get(VARIABLE, "").split(",")}
    if not accept and not named & {model_id, licence.name}:
        raise ModelUnavailable(
            f"{model_id} comes under terms that must be accepted first ({licence.name}"
            f"{', ' + licence.url if licence.url else ''}); read them, then say so with accept_licence=True, on the "
            f"command line --accept-licence, or {VARIABLE}={model_id}; you are asked once"
        )
    _kept(licence).parent.mkdir(parents=True, exist_ok=True)
    kept = {"licence": licence.name, "url": licence.url, "accepted_for": model_id}
    _kept(licence).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def is_accepted(licence: Licence) -> bool:
    """Whether nobody needs to be asked: nothing is to be accepted, or it was, on this machine."""
    return not licence.must_accept or _kept(licence).is_file()


def _kept(licence: Licence) -> Path:
    digest = hashlib.sha256(f"{licence.name} {licence.url}".encode()).hexdigest()
    return cache_folder() / "accepted" / f"{digest[:16]}.json"
