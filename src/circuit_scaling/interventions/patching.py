"""Put heads of one run into another, exactly: activation patching of z and v, alone and jointly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.interventions.anatomy import Anatomy
from circuit_scaling.interventions.chunk import Chunk
from circuit_scaling.interventions.pairs import Direction, Head, Pairs, Part


@dataclass(frozen=True)
class Patched:
    """What patching heads one at a time does to the contrast.

    Attributes:
        total: float32 [heads, pairs], m(patched) - m(base).
        direct: the same through the residual stream alone: no later block sees the change, and the
            final norm keeps the scale of the base run. None where heads have no such path
            (post-norm models).
        base, source: float32 [pairs], the contrast of the two unchanged runs.
    """

    total: NDArray[np.float32]
    direct: NDArray[np.float32] | None
    base: NDArray[np.float32]
    source: NDArray[np.float32]


def patch_heads(
    anatomy: Anatomy,
    pairs: Pairs,
    heads: Sequence[Head],
    direction: Direction,
    part: Part = "z",
    chunk: Chunk | None = None,
) -> Patched:
    """Patch each of ``heads`` alone, at all positions.

    ``z``: z' is the head's z in the source run. ``v``: z' = A_base v_source, the source's values (of
    the head's key-value group) under the attention of the base run.

    Raises:
        CircuitScalingError: a head is outside the model's shape; the pairs do not fit the model; the
            model does not hand its values to a key-value cache (``v`` only).
    """
    raise NotImplementedError


def patch_sets(
    anatomy: Anatomy,
    pairs: Pairs,
    sets: Sequence[Sequence[Head]],
    direction: Direction,
    chunk: Chunk | None = None,
) -> NDArray[np.float32]:
    """Patch z of several heads at once: m(patched) - m(base), float32 [sets, pairs].

    Raises:
        CircuitScalingError: a head is outside the model's shape; the pairs do not fit the model.
    """
    raise NotImplementedError
