"""The order in which prompts of a task are measured where not all may be needed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_BLOCK = ["split", "template", "data_seed", "cluster"]
_GROWTH = 2


def rounds_of(prompts: pd.DataFrame) -> NDArray[np.int64]:
    """Which round each prompt of one task belongs to: [prompts], from 0.

    A block, the prompts of one cluster and one template, is never torn apart. A round takes the
    next block of every template on both sides of the split, the data seeds in turn. Of what has
    fewer blocks than others, as in a file, some rounds take none: the prompts up to the end of any
    round have the templates and the sides in the shares of the whole, to half a block of each.
    """
    blocks = prompts.groupby(_BLOCK, sort=False).ngroup()
    one = prompts[_BLOCK].assign(block=blocks).drop_duplicates("block")
    one["within_seed"] = one.groupby(["split", "template", "data_seed"]).cumcount()
    ordered = one.sort_values(["within_seed", "data_seed"], kind="stable")
    parts = ordered.groupby(["split", "template"])
    size = parts["block"].transform("size")
    # A block stands in the middle of its share of the rounds, which are as many as the most blocks.
    # What is dealt in turn has equally many blocks, or one less: its rounds stay whole.
    share = size.where(size < size.max() - 1, size.max())
    number = (2 * parts.cumcount() + 1) * size.max() // (2 * share)
    by_block = pd.Series(number.to_numpy(), index=ordered["block"].to_numpy())
    return by_block.loc[blocks].to_numpy(dtype=np.int64)


def batches_by_look(
    prompts: pd.DataFrame, first: int, most: int | None, min_clusters: int
) -> list[NDArray[np.int64]]:
    """The prompts of one task that each look adds, as places in ``prompts``.

    Whole rounds, as :func:`ends_of_looks` has them.

    Args:
        first: prompts that the first look has at least.
        most: prompts that all looks have together at most; but the first look is never cut.
        min_clusters: clusters that the first look has at least.
    """
    rounds = rounds_of(prompts)
    up_to = [rounds <= number for number in range(int(rounds.max()) + 1)]
    sizes = [int(taken.sum()) for taken in up_to]
    clusters = [prompts.loc[taken, "cluster"].nunique() for taken in up_to]
    enough = [n >= first and c >= min_clusters for n, c in zip(sizes, clusters, strict=True)]
    start = enough.index(True) if any(enough) else len(sizes) - 1
    ends = ends_of_looks(sizes, start, most)
    places = [np.flatnonzero(up_to[start])]
    places += [np.flatnonzero(up_to[b] & ~up_to[a]) for a, b in pairwise(ends)]
    return places


def ends_of_looks(sizes: Sequence[int], first: int, most: int | None) -> list[int]:
    """The round after which each look is.

    Every look has at least twice the prompts of the one before it, but for the last.

    Args:
        sizes: prompts up to the end of each round, growing.
        first: the round after which the first look is, however large it is.
        most: prompts that the last look has at most.
    """
    ends = [first]
    allowed = [number for number, size in enumerate(sizes) if most is None or size <= most]
    for number in allowed:
        if number > first and (sizes[number] >= _GROWTH * sizes[ends[-1]] or number == allowed[-1]):
            ends.append(number)
    return ends
