"""What every head looks at from chosen positions, at any length: never a whole pattern."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy, refusal
from circuit_scaling.interventions.model.blocks import run_block
from circuit_scaling.interventions.model.watched_attention import Attended, watching
from circuit_scaling.interventions.replay.clean import block_arguments
from circuit_scaling.interventions.replay.replacements import tokens_on
from circuit_scaling.interventions.replay.request_checks import check_prompts

Rows = NDArray[np.float32]


@torch.no_grad()
def attention_rows(
    anatomy: Anatomy, tokens: NDArray[np.int64], queries: Sequence[int]
) -> Iterator[Rows]:
    """Attention from some positions to all, of every head, one layer after the other.

    After rotary embedding, under the model's own causal or sliding mask, each query head with the
    keys of its group. The model runs once, block by block, with its own fused attention, and the
    rows are computed beside it: memory grows with the length as that of the model does. That the
    rows, times the values, are what the attention answered is checked in each layer.

    Args:
        tokens: [prompts, pos], all run together.
        queries: positions from which to look, the same in all prompts.

    Yields:
        Of each layer, float32 [prompts, n_heads, queries, pos]; each row sums to 1 and is 0 where
        the query cannot see. To hold all layers at once is to hold much: reduce each as it comes.

    Raises:
        CircuitScalingError: tokens or queries do not fit the model or each other; the model's
            attention cannot be reached, or is something else than a masked softmax.
    """
    _check_queries(tokens, queries)
    check_prompts(anatomy, tokens)
    chosen = torch.as_tensor(list(queries), device=anatomy.device)
    found: list[Tensor] = []

    def look(attended: Attended) -> None:
        found.append(attended.rows(anatomy, chosen))

    with watching(anatomy, lambda _: None):
        arguments, residual = block_arguments(anatomy, tokens_on(anatomy, tokens))
    for of_block in arguments:
        with watching(anatomy, look):  # not while whoever reads the rows has the model
            residual = run_block(anatomy, of_block, residual)
        yield _only(anatomy, found).cpu().numpy()


def _only(anatomy: Anatomy, found: list[Tensor]) -> Tensor:
    if len(found) != 1:
        raise refusal(anatomy.architecture, "a block does not compute its attention exactly once")
    return found.pop()


def _check_queries(tokens: NDArray[np.int64], queries: Sequence[int]) -> None:
    if not len(queries):
        raise CircuitScalingError("Attention rows: name at least one query position.")
    for query in queries:
        if not 0 <= query < tokens.shape[1]:
            raise CircuitScalingError(
                f"Attention rows: query position {query} is outside the prompt's "
                f"{tokens.shape[1]} tokens (they count from 0)."
            )
