"""How far the effects of heads on one task repeat themselves on other prompts."""

from __future__ import annotations

import numpy as np

from circuit_scaling.statistics.clusters import ClusterTotals
from circuit_scaling.statistics.cross_cluster import parts_of


def split_half_reliability(
    totals: ClusterTotals, rng: np.random.Generator, splits: int = 500
) -> float:
    """Reliability over heads of the mean effects on all prompts, 0..1.

    The clusters are split into random halves ``splits`` times; the mean correlation r over heads of
    the two halves is stepped up to the whole, 2 r / (1 + r) (Spearman 1910, Brown 1910). 0, nothing
    but noise, also where r is below 0: a share of variance is not. NaN with fewer than 4 clusters
    and where a half does not vary over heads.
    """
    task = parts_of(totals)
    n_clusters = len(task.labels)
    if n_clusters < 4 or len(totals.sums) < 2:
        return float("nan")
    order = rng.permuted(np.tile(np.arange(n_clusters), (splits, 1)), axis=1)
    in_first = np.zeros((splits, n_clusters))
    np.put_along_axis(in_first, order[:, : n_clusters // 2], 1.0, axis=1)
    gram = task.parts.T @ task.parts
    first, second = in_first @ gram, (1 - in_first) @ gram
    between = (first * (1 - in_first)).sum(axis=1)
    own = (first * in_first).sum(axis=1) * (second * (1 - in_first)).sum(axis=1)
    if not (own > 0).all():
        return float("nan")
    r = float(np.mean(between / np.sqrt(own)))
    return 2 * r / (1 + r) if r > 0 else 0.0


def correlation_ceiling(reliability_a: float, reliability_b: float) -> float:
    """The observed correlation of two tasks whose true effects agree perfectly: 0..1.

    sqrt of the product of the reliabilities (Spearman 1904); NaN where one is missing.
    """
    return float(np.sqrt(reliability_a * reliability_b))
