"""Whether the same heads measured twice did the same, and how much noise alone would change."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import MIDDLE, MIN_CLUSTERS, cluster_totals
from circuit_scaling.statistics.means import ClusterMeans, cluster_means

_Floats = npt.NDArray[np.float64]


def paired_differences(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    n_first: npt.ArrayLike,
    n_second: npt.ArrayLike,
) -> ClusterMeans:
    """Mean of second - first over clusters that both runs have, each cluster being its own control.

    What a cluster does to an effect is in both and drops out. Intervals and p are those of
    :func:`cluster_means`.

    Args:
        first, second: mean effects [heads, clusters], the same clusters in the same order.
        n_first, n_second: prompts [clusters]; a cluster counts by the mean of both.
    """
    changes = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    prompts = (np.asarray(n_first, dtype=np.float64) + np.asarray(n_second, dtype=np.float64)) / 2
    return cluster_means(cluster_totals(changes, np.arange(changes.shape[1]), prompts))


def independent_differences(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    se_first: npt.ArrayLike,
    se_second: npt.ArrayLike,
    n_clusters: int,
) -> ClusterMeans:
    """second - first of runs that share nothing, from their standard errors: [heads].

    On the degrees of freedom of the run with fewer clusters, which is too careful rather than the
    opposite (as Welch's are never fewer); so it is where the runs share some names after all.
    Everything but the difference is NaN where an error is missing, or with fewer than
    `MIN_CLUSTERS` clusters.

    Args:
        n_clusters: of the run that has fewer.
    """
    change = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    se: _Floats = np.hypot(
        np.asarray(se_first, dtype=np.float64), np.asarray(se_second, dtype=np.float64)
    )
    if n_clusters < MIN_CLUSTERS:
        return ClusterMeans(change, *np.full((4, change.size), np.nan))
    freedom = n_clusters - 1
    reach = float(scipy.special.stdtrit(freedom, MIDDLE[1])) * se
    t = np.divide(np.abs(change), se, out=np.where(change == 0, 0.0, np.inf), where=se != 0)
    p = 2 * scipy.special.stdtr(freedom, -np.where(np.isnan(se), np.nan, t))
    return ClusterMeans(change, se, change - reach, change + reach, p)


def chance_of_another_category(
    mean: npt.ArrayLike, se_difference: npt.ArrayLike, tau: float
) -> _Floats:
    """How likely noise alone gives a head two categories in two runs: [heads], NaN: not known.

    As if a head truly had the mean effect of both runs, and each run had its own half of the
    variance of their difference; the runs and the tasks are taken as independent.

    Args:
        mean: over both runs, [tasks, heads].
        se_difference: standard error of the difference, [tasks, heads].
        tau: from which |effect| on a head is strong on a task.
    """
    truth = np.asarray(mean, dtype=np.float64)
    se = np.asarray(se_difference, dtype=np.float64) / np.sqrt(2)
    exact = se == 0
    spread = np.where(exact, 1.0, se)
    strong = scipy.special.ndtr((truth - tau) / spread) + scipy.special.ndtr(
        (-truth - tau) / spread
    )
    strong = np.where(exact, np.abs(truth) >= tau, strong)
    # Strong in both runs or weak in both, on every task: then the category is the same.
    same: _Floats = (strong**2 + (1 - strong) ** 2).prod(axis=0)
    return 1 - same
