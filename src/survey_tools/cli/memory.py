"""What a detection will take in memory, said before any weight is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from survey_tools.cli.terminal import Say

if TYPE_CHECKING:
    from survey_tools.heads.footprint import Footprint, NetworkShape
    from survey_tools.heads.settings import Settings
    from survey_tools.knowledge.records import OpenModel, Shape


def shape_before_loading(model: str, accept_licence: bool, say: Say, device: str = "cpu") -> NetworkShape | None:
    """What memory depends on, of a model that is pulled for it; None, with a line why, where its config tells too
    little: such a network is refused by name when its attention is looked at.
    """
    from survey_tools.api import origin_of
    from survey_tools.errors import ArchitectureRefused
    from survey_tools.heads.footprint import shape_of, shape_of_folder
    from survey_tools.heads.models import PlantedSource, TrainedSource, load, pull

    origin = origin_of(model)
    if isinstance(origin.source, PlantedSource | TrainedSource):  # small, and made without a download
        return shape_of(load(model, origin.source).network)
    folder = pull(
        model,
        origin.source,
        progress=say,
        licence=origin.licence,
        accept_licence=accept_licence,
        memory=origin.memory,
        device=device,
    )
    try:
        return shape_of_folder(folder)
    except ArchitectureRefused as error:
        click.echo(str(error), err=True)
        return None


def say_and_require(model: str, shape: NetworkShape, settings: Settings, device: str, dtype: str) -> None:
    """One line with the peak and its parts. Raises ModelTooLarge, with what would fit, when it is not there."""
    import torch

    from survey_tools.heads.footprint import estimate, require_room

    footprint = estimate(shape, settings, getattr(torch, dtype), device)
    click.echo(footprint.sentence(), err=True)

    def others() -> Mapping[str, Footprint]:
        fitting = {}
        if dtype == "float32":
            fitting["this model with --dtype bfloat16"] = estimate(shape, settings, torch.bfloat16, device)
        for entry in _entries():
            if entry.id != model and entry.causal:
                its_dtype = getattr(torch, entry.dtype)
                fitting[entry.id] = estimate(_approximate(entry.shape), settings, its_dtype, device)
        return fitting

    require_room(f"looking for heads in {model}", footprint, device, others)


def _entries() -> Sequence[OpenModel]:
    """The survey's models; none where there are no entries, since that is not what the user has to hear of now."""
    from survey_tools.errors import KnowledgeError
    from survey_tools.knowledge.survey import load_survey

    try:
        return tuple(load_survey().models.values())
    except KnowledgeError:
        return ()


def _approximate(shape: Shape) -> NetworkShape:
    """From an entry, which does not say how wide the MLP is: four times d_model, three matrices."""
    from survey_tools.heads.footprint import NetworkShape

    attention = 2 * shape.d_model * shape.d_head * (shape.heads + shape.kv_heads)
    mlp = 3 * shape.d_model * 4 * shape.d_model
    words = shape.d_vocab * shape.d_model
    return NetworkShape(
        parameters=shape.layers * (attention + mlp) + words,
        largest=max(words, mlp // 3, 3 * shape.d_model**2),
        layers=shape.layers,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
        d_head=shape.d_head,
        d_model=shape.d_model,
        d_mlp=4 * shape.d_model,
        d_vocab=shape.d_vocab,
        context=shape.context,
    )
