"""Sets of best heads: how much they overlap by chance, and how much scores are concentrated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import MIDDLE

_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]


class RandomOverlap(NamedTuple):
    """The overlap of random sets: its expectation, standard deviation and middle 95 %."""

    expected: float
    sd: float
    low: float
    high: float


def jaccard(one: _Bools, other: _Bools) -> _Floats:
    """Jaccard index of sets given by their members [..., items]: both over any, [...].

    NaN of two empty sets.
    """
    either = (one | other).sum(axis=-1)
    missing = np.full(either.shape, np.nan)
    return np.asarray(np.divide((one & other).sum(axis=-1), either, out=missing, where=either > 0))


def random_jaccard(first: int, second: int, n_items: int) -> RandomOverlap:
    """The Jaccard index of two sets of these sizes, drawn at random out of ``n_items``.

    Exact: the number of common items X is hypergeometric, J = X / (first + second - X). J grows
    with X, so that ``low`` and ``high`` are the J of its quantiles; at most 2.5 % of pairs lie
    below ``low``, and at most 2.5 % above ``high``. NaN of two empty sets.

    Raises:
        ValueError: a set is larger than what it is drawn from.
    """
    if not (0 <= first <= n_items and 0 <= second <= n_items):
        raise ValueError(f"sets of {first} and {second} of {n_items} items")
    if first + second == 0:
        return RandomOverlap(*[float("nan")] * 4)
    common = np.arange(max(0, first + second - n_items), min(first, second) + 1)
    chance = scipy.stats.hypergeom(n_items, first, second)
    overlap = common / (first + second - common)
    weight = chance.pmf(common)
    expected = float(weight @ overlap)
    sd = float(np.sqrt(weight @ np.square(overlap - expected)))
    ends = chance.ppf(MIDDLE)
    low, high = (float(end / (first + second - end)) for end in ends)
    return RandomOverlap(expected, sd, low, high)


def gini(scores: npt.ArrayLike) -> _Floats:
    """Gini coefficient of scores [..., items]: 0 where all are equal, 1 - 1/n where one has all.

    The mean absolute difference of two items over twice the mean. Negative scores count as 0. NaN
    where a score is missing, and where none is above 0.
    """
    values = np.sort(np.maximum(np.asarray(scores, dtype=np.float64), 0), axis=-1)
    n = values.shape[-1]
    weights = 2 * np.arange(1, n + 1) - n - 1
    total = n * values.sum(axis=-1)
    missing = np.full(total.shape, np.nan)
    return np.asarray(np.divide(values @ weights, total, out=missing, where=total > 0))
