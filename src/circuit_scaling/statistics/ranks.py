"""Fractional ranks of effects, and the mean rank of heads that were drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import CONFIDENCE, MIDDLE

_Floats = npt.NDArray[np.float64]
_TIE = 1e-9  # equal up to rounding counts as equal


class NullTest(NamedTuple):
    """A mean against its null: expectation, 95 % interval under the null, one-sided p."""

    expected: float
    low: float
    high: float
    p: float


def fractional_ranks(effects: npt.ArrayLike) -> _Floats:
    """Rank of each |effect| from the largest, over the number of heads: 1/n (strongest) to 1.

    Ranks are taken along the last axis of [..., heads]; equal values share their average rank. The
    mean over all heads is (n + 1) / 2n whatever the effects.

    Raises:
        ValueError: an effect is missing.
    """
    size = np.abs(np.asarray(effects, dtype=np.float64))
    if np.isnan(size).any():
        raise ValueError("an effect is missing: leave out heads without one before ranking")
    ranks: _Floats = scipy.stats.rankdata(-size, axis=-1)
    ranks /= size.shape[-1]
    return ranks


def random_sums(values: npt.ArrayLike, most: int, draws: int, rng: np.random.Generator) -> _Floats:
    """Sums of 0, 1, ... ``most`` of the values [n] drawn without replacement: [draws, most + 1].

    Column k is a draw of k values; the columns of one row are nested. With fewer than ``most``
    values the last column is the sum of all.
    """
    given = np.asarray(values, dtype=np.float64)
    most = min(most, given.size)
    sums = np.zeros((draws, most + 1))
    shuffled = rng.permuted(np.broadcast_to(given, (draws, given.size)), axis=1)[:, :most]
    np.cumsum(shuffled, axis=1, out=sums[:, 1:])
    return sums


def lower_tail(observed: float, null: _Floats, expected: float) -> NullTest:
    """How low ``observed`` is among draws of the null [draws]: p = (1 + b) / (1 + B).

    b counts the draws that are as low or lower, up to rounding. ``expected`` is the null's
    expectation in closed form. All is NaN where nothing was observed (NaN).
    """
    if np.isnan(observed):
        return NullTest(float("nan"), float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(null, MIDDLE)
    below = int((null <= observed + _TIE).sum())
    return NullTest(float(expected), float(low), float(high), (1 + below) / (1 + null.size))


def shuffled_groups(
    values: Sequence[float] | _Floats,
    weights: Sequence[float] | _Floats,
    draws: int,
    rng: np.random.Generator,
) -> NullTest:
    """How low a weighted mean of group values is when the groups change places at random.

    ``values`` and ``weights`` are [groups]. This tests which groups are weighted, not how many:
    with g groups p is hardly ever below 1 / g!. NaN throughout where all weights are 0.
    """
    value, weight = np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if not weight.sum():
        return lower_tail(float("nan"), value, float("nan"))
    share = weight / weight.sum()
    null = rng.permuted(np.broadcast_to(value, (draws, value.size)), axis=1) @ share
    return lower_tail(float(value @ share), null, float(value.mean()))


def symmetric_interval(observed: float, draws: _Floats) -> tuple[float, float]:
    """Observed share or rank +- the 95 % quantile of |draw - observed| [draws], cut at 0 and 1.

    Noise pushes ranks towards the middle, and a bootstrap draw carries it twice: the draws lie
    around a shifted value, and their percentiles would miss the true one (Hall 1988, "On
    symmetric bootstrap confidence intervals"). NaN where there are no draws.
    """
    half = float(np.quantile(np.abs(draws - observed), CONFIDENCE)) if draws.size else float("nan")
    return float(np.maximum(observed - half, 0)), float(np.minimum(observed + half, 1))
