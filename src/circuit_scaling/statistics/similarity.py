"""Whether chosen items are more alike between groups than others of the same strata would be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_scaling.statistics.clusters import MIDDLE

_BLOCK_VALUES = 2**21
"""Largest number of similarities drawn at once."""


class Similarity(NamedTuple):
    """Mean similarity over pairs, what chance gives, and the one-sided p of being as high.

    Attributes:
        n_pairs: pairs that were counted.
        value: their mean similarity, -1..1 for cosines.
        expected, null_low, null_high: mean and middle 95 % of that of random stand-ins.
        p: (1 + b) / (1 + permutations).
    """

    n_pairs: int
    value: float
    expected: float
    null_low: float
    null_high: float
    p: float


def cosines(profiles: npt.ArrayLike, groups: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Cosine [items, items] between profiles [items, features], standardised within groups [items].

    Within a group every feature has mean 0 and variance 1, so that what a whole group has in common
    makes no two of its items alike. A feature that is missing in any item is left out; one that is
    the same throughout a group is 0 there.

    Raises:
        ValueError: no feature is left.
    """
    values, group = np.asarray(profiles, dtype=np.float64), np.asarray(groups)
    values = values[:, np.isfinite(values).all(axis=0)]
    if not values.size:
        raise ValueError("no feature is known of all items")
    standard = np.zeros_like(values)
    for name in np.unique(group):
        rows = group == name
        centred = values[rows] - values[rows].mean(axis=0)
        spread = centred.std(axis=0)
        known = spread > 1e-9 * np.abs(values[rows]).max(axis=0)
        standard[rows] = np.divide(centred, spread, out=np.zeros_like(centred), where=known)
    norms = np.linalg.norm(standard, axis=1, keepdims=True)
    unit = np.divide(standard, norms, out=np.zeros_like(standard), where=norms > 0)
    return np.asarray(unit @ unit.T, dtype=np.float64)


def group_similarity(
    similar: npt.NDArray[np.float64],
    chosen: npt.ArrayLike,
    strata: npt.ArrayLike,
    counted: npt.ArrayLike,
    rng: np.random.Generator,
    permutations: int,
) -> Similarity:
    """Mean of `similar` [items, items] over pairs of chosen items, against random stand-ins.

    `chosen` [k] are places of items; `counted` [k, k] says which pairs count (its upper triangle).
    Under the null every chosen item is replaced by one of its stratum (`strata` [items]), chosen
    ones among them, no item twice: without them, what is chosen would not be one of the draws even
    if it were random. p = (1 + b) / (1 + permutations), b counting the draws at least as similar as
    what was observed. Where no pair counts, everything is NaN.
    """
    places, stratum = np.asarray(chosen, dtype=np.intp), np.asarray(strata)
    first, second = np.nonzero(np.triu(np.asarray(counted, dtype=bool), 1))
    nan = float("nan")
    if not len(first):
        return Similarity(0, nan, nan, nan, nan, nan)
    value = float(similar[places[first], places[second]].mean())
    drawn = np.empty((permutations, len(places)), dtype=np.intp)
    for name in np.unique(stratum[places]):
        columns = np.flatnonzero(stratum[places] == name)
        others = np.flatnonzero(stratum == name)
        shuffled = rng.permuted(np.tile(others, (permutations, 1)), axis=1)
        drawn[:, columns] = shuffled[:, : len(columns)]
    rows = max(1, _BLOCK_VALUES // len(first))
    null = np.concatenate(
        [
            similar[items[:, first], items[:, second]].mean(axis=1)
            for items in (drawn[start : start + rows] for start in range(0, permutations, rows))
        ]
    )
    low, high = np.quantile(null, MIDDLE)
    # Equal up to rounding counts as equal: ties must not fall at random.
    extreme = int((null >= value - 1e-12).sum())
    p = (1 + extreme) / (1 + permutations)
    return Similarity(len(first), value, float(null.mean()), float(low), float(high), p)
