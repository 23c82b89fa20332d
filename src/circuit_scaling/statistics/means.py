"""Means over clusters of prompts, with an interval and a p that hold for skewed effects."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_scaling.statistics.clusters import CONFIDENCE, MIN_CLUSTERS, ClusterTotals
from circuit_scaling.statistics.estimates import Estimates

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
    the clusters is taken out (:mod:`circuit_scaling.statistics.estimates`); both on C - 1 degrees
    of freedom. The interval holds every mean that is not refused, and p is the larger of the two.
    Student's alone rejects too often where effects are skewed, Hall's alone where they have heavy
    tails; a real table has both. Nothing is drawn, so that p has no floor.

    The standard error is that of a ratio of sums over clusters of unequal size. Where all clusters
    have one value, which is not 0, p is that of the signs alone, 2^(1 - C). With fewer than
    `MIN_CLUSTERS` clusters everything but the mean is NaN. How often the interval holds the truth
    and how often p is below 0.05 by chance: ``docs/coverage.md``.
    """
    n_clusters = len(totals.labels)
    if n_clusters < MIN_CLUSTERS:
        return ClusterMeans(totals.mean, *np.full((4, totals.mean.size), np.nan))
    found = mean_estimates(totals)
    low, high = found.interval(1 - CONFIDENCE)
    return ClusterMeans(found.mean, found.se, low, high, p_values(found, n_clusters))


def p_values(found: Estimates, n_clusters: int) -> _Floats:
    """p of a true value of 0; without error that of the signs of the clusters alone: [items]."""
    signs = np.where(found.mean == 0, 1.0, 2.0 ** (1 - n_clusters))
    p: _Floats = np.where(found.se > 0, found.p_values(), signs)
    return p


def mean_estimates(totals: ClusterTotals) -> Estimates:
    """Mean over prompts of each item with the moments of its error; two clusters at least."""
    n_clusters = len(totals.labels)
    added = added_by_cluster(totals)
    error = np.sqrt(np.square(added).sum(axis=1) * n_clusters / (n_clusters - 1))
    constant = is_rounding(error, totals.mean)
    return Estimates(
        totals.mean,
        np.where(constant, 0.0, error),
        np.where(constant, 0.0, skewness_of_sum(added, n_clusters)),
        np.full(totals.mean.shape, n_clusters - 1.0),
    )


def is_rounding(error: _Floats, mean: _Floats) -> npt.NDArray[np.bool_]:
    """Whether an error is that of rounding: all that a mean was made from has one value."""
    small: npt.NDArray[np.bool_] = error <= _ROUNDING * np.abs(mean) + np.finfo(np.float64).tiny
    return small


def added_by_cluster(totals: ClusterTotals) -> _Floats:
    """What each cluster adds to the error of the mean, so that it sums to 0: [items, clusters]."""
    off = totals.sums - totals.mean[:, None] * totals.n_prompts
    added: _Floats = off / totals.n_prompts.sum()
    return added


def skewness_of_sum(added: _Floats, n_clusters: int) -> _Floats:
    """Third standardised moment of the sum of independent parts [items, parts]: [items].

    Args:
        n_clusters: how many it is known from; corrected as in scipy.stats.skew(bias=False).
    """
    squares = np.square(added).sum(axis=1)
    correction = np.sqrt(n_clusters * (n_clusters - 1)) / max(n_clusters - 2, 1)
    cubes = (added**3).sum(axis=1)
    skewness: _Floats = np.divide(
        correction * cubes, squares**1.5, out=np.zeros_like(squares), where=squares**1.5 > 0
    )
    return skewness


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
