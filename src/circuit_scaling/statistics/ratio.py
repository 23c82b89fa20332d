"""Ratios of means over the same prompts, with their uncertainty from drawing clusters anew."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_scaling.statistics.bootstrap import (
    MIN_CLUSTERS,
    bootstrap_draws,
    expanded_interval,
)
from circuit_scaling.statistics.clusters import ClusterTotals


class BootstrapRatios(NamedTuple):
    """Ratio of each item with its 95 % interval, each [items]."""

    value: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


def cluster_ratio(
    parts: ClusterTotals, whole: ClusterTotals, rng: np.random.Generator, draws: int = 2000
) -> BootstrapRatios:
    """Mean of each item of `parts` over the mean of the one item of `whole`.

    A ratio of means, never a mean of ratios: a prompt on which the whole is near 0 would outweigh
    all others. Each draw of clusters gives numerator and denominator together, and the interval is
    the expanded percentile interval. Where the interval of the whole's own mean holds 0, ratio and
    interval are NaN: a share of nothing is no number. With fewer than `MIN_CLUSTERS` clusters the
    interval is NaN. Raises ValueError where the two are not over the same clusters and prompts, or
    `whole` has more than one item.
    """
    if (
        parts.labels != whole.labels
        or not np.array_equal(parts.n_prompts, whole.n_prompts)
        or len(whole.sums) != 1
    ):
        raise ValueError("parts and the one whole must be means over the same prompts")
    n_items, n_clusters = len(parts.sums), len(whole.labels)
    missing = np.full(n_items, np.nan)
    denominator = float(whole.mean[0])
    if n_clusters < MIN_CLUSTERS:
        value = parts.mean / denominator if denominator else missing
        return BootstrapRatios(value, missing, missing.copy())
    both = ClusterTotals(parts.labels, np.vstack([parts.sums, whole.sums]), parts.n_prompts)
    (drawn,) = bootstrap_draws([both], rng, draws)
    low, high = expanded_interval(drawn[:, -1:], n_clusters)
    if low[0] <= 0 <= high[0]:
        return BootstrapRatios(missing, missing.copy(), missing.copy())
    return BootstrapRatios(
        parts.mean / denominator, *expanded_interval(drawn[:, :-1] / drawn[:, -1:], n_clusters)
    )
