"""What every head looks at from chosen positions, at any length: never a whole pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.cache_utils import DynamicCache

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


@torch.no_grad()
def decode_with_rows(
    anatomy: Anatomy,
    tokens: NDArray[np.int64],
    max_new_tokens: int,
    stop: Callable[[list[int]], bool] = lambda _: False,
) -> Iterator[tuple[int, Rows]]:
    """Decode greedily, with what every head looked at when each token was chosen.

    Args:
        tokens: one prompt, [pos].
        max_new_tokens: how many tokens at most.
        stop: whether the tokens so far, the newest among them, are the whole answer.

    Yields:
        A token, and float32 [layers, n_heads, keys]: the attention of the newest position *before*
        it, whose logits chose it. ``keys`` are all positions up to that one, in order.

    Raises:
        CircuitScalingError: prompt and answer do not fit the model; the model's attention cannot
            be reached, or is something else than a masked softmax.
    """
    if max_new_tokens < 1:
        raise CircuitScalingError(f"Decoding: {max_new_tokens} new tokens were asked for.")
    check_prompts(anatomy, tokens[None], follow=max_new_tokens - 1)  # nothing reads the last one
    # Layers with a window keep all keys as well, so that places in a row are positions.
    cache = DynamicCache()
    newest = tokens_on(anatomy, tokens[None])
    decoded: list[int] = []
    found: list[Tensor] = []

    def look(attended: Attended) -> None:
        last = torch.tensor([attended.query.shape[2] - 1], device=anatomy.device)
        found.append(attended.rows(anatomy, last)[0, :, 0])

    while len(decoded) < max_new_tokens:
        with watching(anatomy, look), _logits_at_end(anatomy):
            output = anatomy.model(input_ids=newest, past_key_values=cache, use_cache=True)
        if len(found) != anatomy.n_layers:
            raise _not_once(anatomy)
        newest = output.logits[:, -1:].argmax(dim=-1)
        decoded.append(int(newest))
        yield decoded[-1], torch.stack(found).cpu().numpy()
        found.clear()
        if stop(decoded):
            return


@contextmanager
def _logits_at_end(anatomy: Anatomy) -> Iterator[None]:
    """For a while, only the last position is unembedded: of a long prompt nobody needs the rest."""
    handle = anatomy.unembed.register_forward_pre_hook(lambda _, args: (args[0][:, -1:],))
    try:
        yield
    finally:
        handle.remove()


def _only(anatomy: Anatomy, found: list[Tensor]) -> Tensor:
    if len(found) != 1:
        raise _not_once(anatomy)
    return found.pop()


def _not_once(anatomy: Anatomy) -> CircuitScalingError:
    return refusal(anatomy.architecture, "a block does not compute its attention exactly once")


def _check_queries(tokens: NDArray[np.int64], queries: Sequence[int]) -> None:
    if not len(queries):
        raise CircuitScalingError("Attention rows: name at least one query position.")
    for query in queries:
        if not 0 <= query < tokens.shape[1]:
            raise CircuitScalingError(
                f"Attention rows: query position {query} is outside the prompt's "
                f"{tokens.shape[1]} tokens (they count from 0)."
            )
