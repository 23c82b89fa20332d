"""The mean output of every head over prompts and positions, from one clean run."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from circuit_scaling.interventions.model.activations import fused_activations
from circuit_scaling.interventions.model.anatomy import Anatomy, refusal
from circuit_scaling.interventions.model.with_cache import run_with_cache
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.portions import by_rows
from circuit_scaling.interventions.replay.replacements import tokens_on
from circuit_scaling.interventions.replay.request_checks import check_prompts


@torch.no_grad()
def mean_heads(
    anatomy: Anatomy, tokens: NDArray[np.int64], chunk: Chunk | None = None
) -> NDArray[np.float32]:
    """Mean z of every head over some prompts and all of their positions.

    One mean for all positions, so that it can stand at positions that no prompt has, as decoding
    needs it. Each layer is summed up, in float64, as soon as it is there: nothing is held that the
    clean run does not hold.

    Args:
        tokens: [prompts, pos]; no padding.

    Returns:
        float32 [n_layers, n_heads, d_head], before the output projection.

    Raises:
        CircuitScalingError: tokens do not fit the model, there are none, or the memory is too small
            for one prompt; a block does not project its heads exactly once.
    """
    check_prompts(anatomy, tokens)
    chunk = chunk or Chunk.of(anatomy)

    def summed(rows: slice, _: Chunk) -> NDArray[np.float64]:
        return _sums(anatomy, tokens_on(anatomy, tokens[rows])).cpu().numpy()

    with fused_activations(anatomy.model):
        total = np.sum(list(by_rows(tokens.shape, chunk, summed)), axis=0)
    means: NDArray[np.float32] = (total / tokens.size).astype(np.float32)
    return means


def _sums(anatomy: Anatomy, tokens: Tensor) -> Tensor:
    """z summed over prompts and positions, float64 [n_layers, n_heads, d_head]."""
    sums: list[list[Tensor]] = [[] for _ in anatomy.projections]
    with ExitStack() as hooks:
        for of_layer, projection in zip(sums, anatomy.projections, strict=True):

            def add(_module: nn.Module, args: Any, of_layer: list[Tensor] = of_layer) -> None:
                of_layer.append(args[0].flatten(0, -2).sum(0, dtype=torch.float64))

            hooks.callback(projection.register_forward_pre_hook(add).remove)
        run_with_cache(anatomy, tokens, None)
    if any(len(of_layer) != 1 for of_layer in sums):
        raise refusal(
            anatomy.architecture, "a block does not call its attention exactly once per forward"
        )
    return torch.cat([total for (total,) in sums]).reshape(
        anatomy.n_layers, anatomy.n_heads, anatomy.d_head
    )
