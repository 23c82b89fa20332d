"""Where heads look: attention patterns, which fused attention never forms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.interventions.model.anatomy import Anatomy, refusal, run_tail, run_unembed
from circuit_scaling.interventions.model.blocks import (
    BlockCall,
    keys_and_values_of,
    z_of,
)
from circuit_scaling.interventions.model.keys_and_values import KeysAndValuesKnown
from circuit_scaling.interventions.model.rounding import close
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.clean import CleanRun
from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.interventions.replay.portions import by_rows
from circuit_scaling.interventions.replay.replacements import tokens_on
from circuit_scaling.interventions.replay.request_checks import check_heads, check_prompts


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
        CircuitScalingError: a head is outside the model's shape; the model's patterns cannot be
            had.
    """
    check_heads(anatomy, heads)
    found = np.empty((len(heads), *tokens.shape), dtype=np.float32)

    def look(rows: slice, _: Chunk) -> None:
        clean = CleanRun.of(anatomy, tokens_on(anatomy, tokens[rows]), at_end=True)
        for layer, pattern in enumerate(_patterns(clean)):
            for place, (of, head) in enumerate(heads):
                if of == layer:
                    found[place, rows] = pattern[:, head, -1].float().cpu().numpy()

    for _ in by_rows(tokens.shape, chunk or Chunk.of(anatomy), look):
        pass
    return found


@torch.no_grad()
def pattern_of(anatomy: Anatomy, tokens: NDArray[np.int64], head: Head) -> NDArray[np.float32]:
    """Where one head looks on one text, ``tokens`` [pos]: float32 [query, key], rows sum to 1.

    Raises:
        CircuitScalingError: the head is outside the model's shape; no tokens, or more than the
            model can read; its patterns cannot be had.
    """
    check_heads(anatomy, [head])
    check_prompts(anatomy, tokens[None])
    layer, place = head
    patterns = attention_patterns(anatomy, tokens_on(anatomy, tokens[None]))
    pattern = next(islice(patterns, layer, None))
    found: NDArray[np.float32] = pattern[0, place].float().cpu().numpy()
    return found


@torch.no_grad()
def attention_patterns(anatomy: Anatomy, tokens: Tensor) -> Iterator[Tensor]:
    """The pattern of every layer on ``tokens``, [prompts, n_heads, query, key].

    Raises:
        CircuitScalingError: the model's patterns cannot be had.
    """
    yield from _patterns(CleanRun.of(anatomy, tokens, at_end=True))


def _patterns(clean: CleanRun) -> Iterator[Tensor]:
    if not clean.end:  # keys and values cannot be given
        yield from _eager_patterns(clean)
        return
    for call in clean.calls():
        yield _by_marked_values(clean.anatomy, call)


def _by_marked_values(anatomy: Anatomy, call: BlockCall) -> Tensor:
    """The pattern as the model's own attention computes it, [prompts, n_heads, query, key].

    z is the pattern times the values. With values that are 1 in a dimension for one position and 0
    else, z is the pattern: as many positions at a time as a head is wide. Masks, windows, rotary
    embeddings and soft caps are the model's.
    """
    keys, values = keys_and_values_of(anatomy, call.arguments, call.input)
    positions, width = values.shape[-2:]
    parts = []
    for start in range(0, positions, width):
        mark = torch.zeros(positions, width, dtype=values.dtype, device=values.device)
        mark.diagonal(-start).fill_(1.0)
        known = call.arguments.with_cache(KeysAndValuesKnown(keys, mark.expand_as(values)))
        parts.append(z_of(anatomy, known, call.input))
    return torch.cat(parts, dim=-1)[..., :positions].transpose(1, 2)


def _eager_patterns(clean: CleanRun) -> Iterator[Tensor]:
    """The patterns of the model's plain attention, if it computes the same as its fused one."""
    anatomy = clean.anatomy
    with _eager_attention(anatomy):
        output = anatomy.model(input_ids=clean.tokens, use_cache=False, output_attentions=True)
    expected = run_unembed(anatomy, run_tail(anatomy, clean.final))
    if not close(output.logits, expected) or any(p is None for p in output.attentions):
        raise refusal(
            anatomy.architecture, "its plain attention does not compute what its fused one does"
        )
    yield from output.attentions


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
