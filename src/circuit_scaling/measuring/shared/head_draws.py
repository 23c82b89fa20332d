"""Sets of heads drawn at random: distinct ones, or all there are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, combinations, product
from math import comb, prod

import numpy as np

from circuit_scaling.interventions.replay.pairs import Head

Pool = tuple[Sequence[Head], int]
"""Heads, and how many of them are wanted."""


def distinct_sets(
    pools: Sequence[Pool],
    n: int,
    rng: np.random.Generator,
    without: tuple[Head, ...] | None = None,
) -> list[tuple[Head, ...]]:
    """``n`` distinct sets with so many heads of each pool, all equally likely, or all there are.

    ``without``: a set, one of the possible ones, that is left out.
    """
    possible = prod(comb(len(heads), size) for heads, size in pools)
    if possible - (without is not None) <= n:
        parts = product(*(combinations(heads, size) for heads, size in pools))
        every = (tuple(sorted(chain.from_iterable(part))) for part in parts)
        return [heads for heads in every if heads != without]
    found: dict[tuple[Head, ...], None] = {}
    while len(found) < n:
        drawn = (heads[i] for heads, size in pools for i in rng.permutation(len(heads))[:size])
        found[tuple(sorted(drawn))] = None
        if without is not None:
            found.pop(without, None)
    return list(found)
