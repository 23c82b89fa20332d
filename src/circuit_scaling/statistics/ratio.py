"""Ratios of means over the same prompts, with intervals that hold for small denominators."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import CONFIDENCE, MIN_CLUSTERS, ClusterTotals
from circuit_scaling.statistics.fieller import fieller_interval
from circuit_scaling.statistics.means import cluster_means


class Ratios(NamedTuple):
    """Ratio of each item with its 95 % interval, each [items]."""

    value: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


def cluster_ratio(parts: ClusterTotals, whole: ClusterTotals) -> Ratios:
    """Mean of each item of `parts` over the mean of the one item of `whole`.

    A ratio of means, never a mean of ratios: a prompt on which the whole is near 0 would outweigh
    all others. The interval holds every ratio r for which the mean of parts - r whole over clusters
    is not refused by Student's t (Fieller 1954), so that a small denominator widens it. Where the
    interval of the whole's own mean holds 0, ratio and interval are NaN: a share of nothing is no
    number. With fewer than `MIN_CLUSTERS` clusters the interval is NaN. Raises ValueError where the
    two are not over the same clusters and prompts, or `whole` has more than one item.
    """
    if (
        parts.labels != whole.labels
        or not np.array_equal(parts.n_prompts, whole.n_prompts)
        or len(whole.sums) != 1
    ):
        raise ValueError("parts and the one whole must be means over the same prompts")
    n_clusters = len(whole.labels)
    missing = np.full(len(parts.sums), np.nan)
    denominator = float(whole.mean[0])
    if n_clusters < MIN_CLUSTERS:
        value = parts.mean / denominator if denominator else missing
        return Ratios(value, missing, missing.copy())
    of_whole = cluster_means(whole)
    if of_whole.low[0] <= 0 <= of_whole.high[0]:
        return Ratios(missing, missing.copy(), missing.copy())
    numerators, own = _added(parts), _added(whole)[0]
    quantile = float(scipy.special.stdtrit(n_clusters - 1, (1 + CONFIDENCE) / 2))
    ends = [
        fieller_interval((mean, denominator), np.cov(added, own) / n_clusters, quantile)
        for mean, added in zip(parts.mean, numerators, strict=True)
    ]
    low, high = np.array(ends, dtype=np.float64).reshape(-1, 2).T
    return Ratios(parts.mean / denominator, low, high)


def _added(totals: ClusterTotals) -> npt.NDArray[np.float64]:
    """What each cluster adds to the mean, times the number of clusters: [items, clusters]."""
    added = totals.sums - totals.mean[:, None] * totals.n_prompts
    scaled: npt.NDArray[np.float64] = added * (len(totals.labels) / totals.n_prompts.sum())
    return scaled
