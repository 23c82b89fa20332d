"""Means over clusters of prompts, with an interval and a p that hold for skewed effects."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import MIDDLE, MIN_CLUSTERS, ClusterTotals

_Floats = npt.NDArray[np.float64]

# A spread below this share of the mean is rounding: all clusters have one value.
_ROUNDING = 1e-9


class ClusterMeans(NamedTuple):
    """Mean of each item with its standard error, 95 % interval and p for a mean of 0: [items]."""

    mean: _Floats
    se: _Floats
    low: _Floats
    high: _Floats
    p: _Floats


def cluster_means(totals: ClusterTotals) -> ClusterMeans:
    """Mean over prompts of each item, the clusters being independent.

    A mean is refused where Student's t refuses it *and* Hall's t does, from which the skewness of
    the clusters is taken out (Hall 1992, "On the removal of skewness by transformation"); both on
    C - 1 degrees of freedom. The interval holds every mean that is not refused, and p is the larger
    of the two. Student's alone rejects too often where effects are skewed, Hall's alone where they
    have heavy tails; a real table has both. Nothing is drawn, so that p has no floor.

    The standard error is that of a ratio of sums over clusters of unequal size. Where all clusters
    have one value, which is not 0, p is that of the signs alone, 2^(1 - C). With fewer than
    `MIN_CLUSTERS` clusters everything but the mean is NaN. How often the interval holds the truth
    and how often p is below 0.05 by chance: ``docs/coverage.md``.
    """
    mean = totals.mean
    n_clusters = len(totals.labels)
    if n_clusters < MIN_CLUSTERS:
        return ClusterMeans(mean, *np.full((4, mean.size), np.nan))
    spread, skewness = _shape(totals)
    quantile = float(scipy.special.stdtrit(n_clusters - 1, MIDDLE[1]))
    se = spread / np.sqrt(n_clusters)
    reach = quantile / np.sqrt(n_clusters)
    below = np.maximum(reach, _unskewed(np.full_like(mean, reach), skewness, n_clusters))
    above = np.minimum(-reach, _unskewed(np.full_like(mean, -reach), skewness, n_clusters))
    return ClusterMeans(
        mean,
        se,
        mean - spread * below,
        mean - spread * above,
        _p_values(mean, spread, skewness, n_clusters),
    )


def _shape(totals: ClusterTotals) -> tuple[_Floats, _Floats]:
    """Standard deviation and skewness over clusters of what each adds to the mean: [items]."""
    n_clusters = len(totals.labels)
    added = totals.sums - totals.mean[:, None] * totals.n_prompts
    added *= n_clusters / totals.n_prompts.sum()
    spread = np.sqrt(np.square(added).sum(axis=1) / (n_clusters - 1))
    constant = spread <= _ROUNDING * np.abs(totals.mean) + np.finfo(np.float64).tiny
    spread = np.where(constant, 0.0, spread)
    # Bias-corrected, as in scipy.stats.skew(bias=False), about 0: what is added sums to 0.
    unit = np.where(constant, 1.0, np.sqrt(np.square(added).mean(axis=1)))
    correction = np.sqrt(n_clusters * (n_clusters - 1)) / (n_clusters - 2)
    skewness = correction * ((added / unit[:, None]) ** 3).mean(axis=1)
    return spread, np.where(constant, 0.0, skewness)


def _hall(t: _Floats, skewness: _Floats, n_clusters: int) -> _Floats:
    """Hall's transformation of (mean - truth) / spread: monotone, and nearly without skewness."""
    bent = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27
    transformed: _Floats = bent + skewness / (6 * n_clusters)
    return transformed


def _unskewed(value: _Floats, skewness: _Floats, n_clusters: int) -> _Floats:
    """The inverse of :func:`_hall`."""
    straight = np.abs(skewness) < 1e-6
    bend = np.where(straight, 1.0, skewness)
    shifted = value - skewness / (6 * n_clusters)
    root = 3 * (np.cbrt(1 + bend * shifted) - 1) / bend
    return np.where(straight, shifted, root)


def _p_values(mean: _Floats, spread: _Floats, skewness: _Floats, n_clusters: int) -> _Floats:
    """The larger p of Student's and of Hall's test of a mean of 0: [items]."""
    varies = spread > 0
    t = np.divide(mean, spread, out=np.zeros_like(mean), where=varies)
    both = np.minimum(np.abs(t), np.abs(_hall(t, skewness, n_clusters))) * np.sqrt(n_clusters)
    p = 2 * scipy.special.stdtr(n_clusters - 1, -both)
    signs = np.where(mean == 0, 1.0, 2.0 ** (1 - n_clusters))
    return np.where(varies, p, signs)


def error_between(totals: ClusterTotals) -> _Floats:
    """Standard error of the mean if the groups were a sample of all groups there could be: [items].

    Groups are templates, whose prompts share more than their names. NaN for a single group. The
    number of prompts by group is not weighted: groups have about equally many.
    """
    n_groups = len(totals.labels)
    if n_groups < 2:
        return np.full(len(totals.sums), np.nan)
    means = totals.sums / totals.n_prompts
    error: _Floats = means.std(axis=1, ddof=1) / np.sqrt(n_groups)
    return error
