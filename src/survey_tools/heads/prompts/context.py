"""How many tokens a network reads at once."""

from __future__ import annotations

from transformers import PreTrainedModel


def context_of(network: PreTrainedModel) -> int | None:
    """Positions that the network was made for; None where its configuration does not say."""
    positions = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    return int(positions) if positions else None
