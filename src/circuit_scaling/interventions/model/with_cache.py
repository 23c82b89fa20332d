"""Running the whole model behind a key-value cache, up to its unembedding."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from circuit_scaling.interventions.model.anatomy import Anatomy, probe_tokens, refusal
from circuit_scaling.interventions.model.keys_and_values import copies_of, empty_cache
from circuit_scaling.interventions.model.memory import is_out_of_memory
from circuit_scaling.interventions.model.rounding import close, full_float32

_PROBE_PROMPTS, _PROBE_POSITIONS, _PROBE_STEPS = 2, 6, 2


class _BeforeUnembedding(Exception):
    """The model has run as far as it is wanted."""


def run_with_cache(anatomy: Anatomy, tokens: Tensor, cache: DynamicCache | None) -> Tensor:
    """What the unembedding would read, [rows, pos, d], after running on ``tokens`` [rows, pos].

    Args:
        cache: keys and values of the tokens before, which are seen and added to; None for a run
            without any.

    Raises:
        CircuitScalingError: the model does not use its unembedding.
    """
    taken: list[Tensor] = []

    def take(_module: nn.Module, args: Any) -> None:
        taken.append(args[0])
        raise _BeforeUnembedding  # nobody needs the logits of all positions

    handle = anatomy.unembed.register_forward_pre_hook(take)
    try:
        with suppress(_BeforeUnembedding):
            anatomy.model(input_ids=tokens, past_key_values=cache, use_cache=cache is not None)
    finally:
        handle.remove()
    if not taken:
        raise refusal(anatomy.architecture, "it has an unembedding that it does not use")
    return taken[0]


def copied_layer(layer: DynamicLayer, copies: int) -> DynamicLayer:
    """A layer of a cache for ``copies`` times its batch; ``layer`` itself never changes."""
    copied = copy.copy(layer)
    copied.keys = copies_of(layer.keys, copies)
    copied.values = copies_of(layer.values, copies)
    return copied


def joined_caches(caches: Sequence[DynamicCache]) -> DynamicCache:
    """One cache for the rows of all of ``caches``, which are used up."""
    whole = caches[0]
    if len(caches) > 1:
        # Layer by layer, so that no more than one of them is held twice.
        for layer, *others in zip(*(cache.layers for cache in caches), strict=True):
            layer.keys = torch.cat([layer.keys, *(other.keys for other in others)])
            layer.values = torch.cat([layer.values, *(other.values for other in others)])
            for other in others:
                other.keys = other.values = None
    return whole


@torch.no_grad()
def cached_bytes_per_token(anatomy: Anatomy) -> int:
    """Bytes of a token's keys and values in all layers, as the model's own cache holds them.

    It is also the proof, on a small batch, that the model goes on from its cache, one token after
    the other, with what it computes without one.

    Raises:
        CircuitScalingError: it does not, or its cache holds something else beside.
    """
    probe = probe_tokens(anatomy, _PROBE_PROMPTS, _PROBE_POSITIONS)
    known = _PROBE_POSITIONS - _PROBE_STEPS
    with full_float32():  # whether the parts fit together is no question of rounding
        expected = run_with_cache(anatomy, probe, None)[:, known:]
        try:
            cache = empty_cache(anatomy.model)
            run_with_cache(anatomy, probe, cache)
            cache.crop(-_PROBE_STEPS)
            _check_layers(anatomy, cache)
            held: int = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
            steps = [
                run_with_cache(anatomy, probe[:, place : place + 1], cache)
                for place in range(known, _PROBE_POSITIONS)
            ]
        except (TypeError, ValueError, RuntimeError, AttributeError) as error:
            if is_out_of_memory(error):
                raise
            raise refusal(anatomy.architecture, "it has no usable key-value cache") from error
        if not close(torch.cat(steps, dim=1), expected):
            raise refusal(
                anatomy.architecture,
                "behind its key-value cache it does not compute what it does without one",
            )
    return -(-held // (_PROBE_PROMPTS * known))


def _check_layers(anatomy: Anatomy, cache: DynamicCache) -> None:
    plain = (DynamicLayer, DynamicSlidingWindowLayer)
    if len(cache.layers) != anatomy.n_layers or any(type(x) not in plain for x in cache.layers):
        raise refusal(anatomy.architecture, "its cache is not keys and values of every layer")
