"""How far effects and rankings of heads repeat themselves on other prompts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from circuit_scaling.statistics.clusters import MIN_CLUSTERS, ClusterTotals
from circuit_scaling.statistics.cross_cluster import parts_of
from circuit_scaling.statistics.overlap import jaccard

SPLITS = 200
"""Random halves that :func:`half_sample_overlap` is the mean over."""


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


def half_sample_overlap(totals: ClusterTotals, top: int, rng: np.random.Generator) -> float:
    """How much the ``top`` best items of two rankings overlap, each from half of the clusters.

    The mean Jaccard index, 0..1, over `SPLITS` random splits of the clusters, of which one is left
    out where their number is odd; of equal means the first item is the better. NaN with fewer than
    `MIN_CLUSTERS` clusters.

    It is without bias for rankings from half as many clusters, hence a lower bound for rankings
    from all of them. In simulations (``docs/method.md``) nothing steps it up to these without
    errors of 0.1 and more in the one or the other kind of scores: not Spearman-Brown on the share
    of common items, which is too high where the best items stand apart, and not rankings drawn
    around shrunken means, which are too high where few samples score at all.
    """
    n_clusters = len(totals.labels)
    if n_clusters < MIN_CLUSTERS:
        return float("nan")
    order = rng.permuted(np.tile(np.arange(n_clusters), (SPLITS, 1)), axis=1)
    half = n_clusters // 2
    one, other = (
        _best(totals.sums[:, part].sum(axis=2) / totals.n_prompts[part].sum(axis=1), top)
        for part in (order[:, :half], order[:, half : 2 * half])
    )
    return float(jaccard(one, other).mean())


def _best(means: npt.NDArray[np.float64], top: int) -> npt.NDArray[np.bool_]:
    """Which items [items, splits] are among the best of a split: [splits, items]."""
    first = np.argsort(-means.T, axis=1, kind="stable")[:, :top]
    best = np.zeros(means.T.shape, dtype=bool)
    np.put_along_axis(best, first, True, axis=1)
    return best
