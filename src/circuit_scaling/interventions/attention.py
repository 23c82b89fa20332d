"""Where heads look: attention patterns, which fused attention never forms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.interventions.anatomy import Anatomy
from circuit_scaling.interventions.checks import check_heads
from circuit_scaling.interventions.chunk import Chunk
from circuit_scaling.interventions.pairs import Head
from circuit_scaling.interventions.replacements import tokens_on
from circuit_scaling.interventions.rows import by_rows


@torch.no_grad()
def attention_from_end(
    anatomy: Anatomy,
    tokens: NDArray[np.int64],
    heads: Sequence[Head],
    chunk: Chunk | None = None,
) -> NDArray[np.float32]:
    """Attention of each head from the last position of ``tokens`` [prompts, pos] to every position.

    Returns:
        float32 [heads, prompts, pos]; each row sums to 1.

    Raises:
        CircuitScalingError: a head is outside the model's shape.
    """
    check_heads(anatomy, heads)

    def look(rows: slice, _: Chunk) -> NDArray[np.float32]:
        patterns = attention_patterns(anatomy, tokens_on(anatomy, tokens[rows]))
        shape = (0, len(tokens[rows]), tokens.shape[1])
        found = [patterns[layer][:, head, -1].float().cpu().numpy() for layer, head in heads]
        return np.stack(found) if found else np.zeros(shape, dtype=np.float32)

    parts = list(by_rows(tokens.shape, chunk or Chunk.of(anatomy), look))
    return np.concatenate(parts, axis=1)


def attention_patterns(anatomy: Anatomy, tokens: Tensor) -> list[Tensor]:
    """The pattern of every layer, [prompts, n_heads, query, key]."""
    with _eager_attention(anatomy):
        output = anatomy.model(input_ids=tokens, use_cache=False, output_attentions=True)
    return list(output.attentions)


@contextmanager
def _eager_attention(anatomy: Anatomy) -> Iterator[None]:
    """Fused attention never forms a pattern; for a while the model computes it plainly."""
    config = anatomy.model.config
    fused = config._attn_implementation  # type: ignore[union-attr]
    anatomy.model.set_attn_implementation("eager")  # type: ignore[operator]
    try:
        yield
    finally:
        anatomy.model.set_attn_implementation(fused)  # type: ignore[operator]
