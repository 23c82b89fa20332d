"""Key-value caches of the engine: a clean prefix that never changes, and keys taken and given."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache, DynamicSlidingWindowLayer


def empty_cache(model: nn.Module) -> DynamicCache:
    """A cache that a clean run fills, and from which :class:`FrozenPrefix` can take a prefix."""
    cache = DynamicCache(config=model.config)
    for layer in cache.layers:
        if isinstance(layer, DynamicSlidingWindowLayer):
            layer.activate_past_recording()  # else what slid out of the window is lost
    return cache


class FrozenPrefix(DynamicCache):
    """Keys and values of a clean prefix, for any number of copies of its batch; never changed."""

    def __init__(self, whole: DynamicCache) -> None:
        """The prefix of ``whole``, all of its positions but the last; ``whole`` is used up."""
        super().__init__()
        whole.crop(-1)
        self.layers = whole.layers

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """The prefix with the new position behind it, [k * batch, heads, pos, d_head] each."""
        layer = self.layers[layer_idx]
        copies = len(key_states) // len(layer.keys)
        keys = torch.cat([copies_of(layer.keys, copies), key_states], dim=-2)
        values = torch.cat([copies_of(layer.values, copies), value_states], dim=-2)
        return keys, values


class CapturedKeysAndValues(Exception):
    """The block has computed its keys and values, and nothing more is wanted of it."""


class KeysAndValuesCapture(DynamicCache):
    """Takes the keys and values that a block hands to its cache, and stops the block there."""

    def __init__(self) -> None:
        super().__init__()
        self._taken: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> Any:
        """Keep what is given, [k * batch, heads, pos, d_head] each.

        Raises:
            CapturedKeysAndValues: always.
        """
        self._taken = key_states, value_states
        raise CapturedKeysAndValues

    def taken(self) -> tuple[Tensor, Tensor]:
        """Keys and values, [k * batch, heads, pos, d_head] each.

        Raises:
            ValueError: the block never asked its cache.
        """
        if self._taken is None:
            raise ValueError("the block does not hand its keys and values to a cache")
        return self._taken


class KeysAndValuesKnown(DynamicCache):
    """Answers with keys and values of all positions, the newest among them."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self._known = keys, values

    def update(self, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """All keys and values, [k * batch, heads, pos, d_head] each.

        What the block has computed again for its position is not needed.
        """
        return self._known


def copies_of(tensor: Tensor, copies: int) -> Tensor:
    """``copies`` times the batch, one whole batch after the other: [copies * batch, ...]."""
    if copies == 1:
        return tensor
    return tensor.expand(copies, *tensor.shape).flatten(0, 1)
