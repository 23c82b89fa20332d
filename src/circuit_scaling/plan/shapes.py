"""The sizes of a model that is not loaded: from its headers, or from what the roster says of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from circuit_scaling.models.headers import Headers
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.plan.operations import Sizes

_LAYER = re.compile(r"\.(\d+)\.")
_VOCABULARY = 50_257  # GPT-2's: that of the study's models, within a few words
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Shape:
    """A model as far as its cost depends on it.

    Attributes:
        params: all its parameters.
        read: whether the sizes were read from headers; otherwise they follow from the roster.
    """

    sizes: Sizes
    params: int
    read: bool

    def weights(self, dtype: str) -> int:
        """Bytes of the weights."""
        return self.params * _BYTES[dtype]


def shape_of(entry: RosterEntry, headers: Headers | None) -> Shape:
    """The sizes of an entry's model; without usable headers, those of a model of its kind.

    A roster says layers, heads, parameters and mostly the width. What it does not say is taken as
    in GPT-2: as many key heads as heads, an MLP four times as wide as the residual stream.
    """
    read = None if headers is None else _from_headers(entry, headers)
    if read is not None and headers is not None:
        return Shape(read, sum(map(math.prod, headers.shapes.values())), True)
    params = int(entry.params_m * 1e6)
    d_model = entry.d_model or _width(params, entry.n_layers)
    sizes = Sizes(
        n_layers=entry.n_layers,
        n_heads=entry.n_heads,
        d_model=d_model,
        query_width=d_model,
        key_width=d_model,
        mlp_weights=8 * d_model**2,
        vocabulary=_VOCABULARY,
        parallel=False,
    )
    return Shape(sizes, params, False)


def _from_headers(entry: RosterEntry, headers: Headers) -> Sizes | None:
    """The sizes; None where the attention is not queries, keys, values and output."""
    config, d_model = headers.config, headers.d_model
    matrices = _first_block(headers.shapes)
    if d_model is None or not matrices:
        return None
    attention = sum(entries for name, entries in matrices.items() if "att" in name)
    query_width = entry.n_heads * (config.get("head_dim") or d_model // entry.n_heads)
    key_width = attention // (2 * d_model) - query_width
    if not 0 < key_width <= query_width:
        return None
    return Sizes(
        n_layers=entry.n_layers,
        n_heads=entry.n_heads,
        d_model=d_model,
        query_width=query_width,
        key_width=key_width,
        mlp_weights=sum(matrices.values()) - attention,
        vocabulary=config.get("vocab_size") or _VOCABULARY,
        parallel=bool(config.get("use_parallel_residual", False)),
    )


def _first_block(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """The matrices of the first block, with their numbers of entries."""
    numbered = {name: _LAYER.search(name) for name in shapes}
    return {
        name: math.prod(shapes[name])
        for name, number in numbered.items()
        if number is not None and number[1] == "0" and len(shapes[name]) == 2
    }


def _width(params: int, n_layers: int) -> int:
    """The width of a model of so many parameters: 12 d^2 in each block, and an embedding."""
    half = _VOCABULARY / (24 * n_layers)
    return max(1, round(math.sqrt(half**2 + params / (12 * n_layers)) - half))
