"""Ratios of means over the same prompts, with intervals that hold for small denominators."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_scaling.statistics.clusters import MIN_CLUSTERS, ClusterTotals
from circuit_scaling.statistics.means import ClusterMeans, cluster_means

_Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-12  # the least step, as a share of the ratio
_DOUBLINGS = 60  # of the step until a ratio is refused: from any step beyond every number
_HALVINGS = 40  # of the last step: an end is exact to 1e-12 of it


class Ratios(NamedTuple):
    """Ratio of each item with its 95 % interval, each [items]."""

    value: _Floats
    low: _Floats
    high: _Floats


def cluster_ratio(parts: ClusterTotals, whole: ClusterTotals) -> Ratios:
    """Mean of each item of `parts` over the mean of the one item of `whole`.

    A ratio of means, never a mean of ratios: a prompt on which the whole is near 0 would outweigh
    all others. The interval holds every ratio r for which the interval of the mean of parts - r
    whole (:func:`means.cluster_means`) holds 0: Fieller's set (1954), with a test that holds for
    skewed effects, so that a small denominator widens it. Where the interval of the whole's own
    mean holds 0, ratio and interval are NaN: a share of nothing is no number. With fewer than
    `MIN_CLUSTERS` clusters the interval is NaN.

    Raises:
        ValueError: the two are not over the same clusters and prompts, or `whole` has more than one
            item.
    """
    if (
        parts.labels != whole.labels
        or not np.array_equal(parts.n_prompts, whole.n_prompts)
        or len(whole.sums) != 1
    ):
        raise ValueError("parts and the one whole must be means over the same prompts")
    missing = np.full(len(parts.sums), np.nan)
    denominator = float(whole.mean[0])
    if len(whole.labels) < MIN_CLUSTERS:
        value = parts.mean / denominator if denominator else missing
        return Ratios(value, missing, missing.copy())
    of_whole = cluster_means(whole)
    if of_whole.low[0] <= 0 <= of_whole.high[0]:
        return Ratios(missing, missing.copy(), missing.copy())
    value = parts.mean / denominator
    return Ratios(value, _end(parts, whole, value, -1.0), _end(parts, whole, value, 1.0))


def _end(parts: ClusterTotals, whole: ClusterTotals, value: _Floats, side: float) -> _Floats:
    """Where ratios begin to be refused, below (-1) or above (1) the values [items].

    The whole is told from 0, so that a ratio that is far enough away is refused.
    """
    rest = _rest(parts, whole, value)
    step = np.maximum(rest.se / abs(float(whole.mean[0])), _ROUNDING * (1 + np.abs(value)))
    kept, refused = value, value + side * step
    for _ in range(_DOUBLINGS):
        holds = _holds(parts, whole, refused)
        if not holds.any():
            break
        kept = np.where(holds, refused, kept)
        step = np.where(holds, 2 * step, step)
        refused = np.where(holds, value + side * step, refused)
    for _ in range(_HALVINGS):
        middle = (kept + refused) / 2
        holds = _holds(parts, whole, middle)
        kept, refused = np.where(holds, middle, kept), np.where(holds, refused, middle)
    return kept


def _holds(parts: ClusterTotals, whole: ClusterTotals, ratio: _Floats) -> npt.NDArray[np.bool_]:
    """Whether the mean of parts - ratio whole may be 0: [items]."""
    rest = _rest(parts, whole, ratio)
    holds: npt.NDArray[np.bool_] = (rest.low <= 0) & (rest.high >= 0)
    return holds


def _rest(parts: ClusterTotals, whole: ClusterTotals, ratio: _Floats) -> ClusterMeans:
    sums = parts.sums - ratio[:, None] * whole.sums
    return cluster_means(ClusterTotals(parts.labels, sums, parts.n_prompts))
