"""Means of what is costly to measure, from few prompts and a cheap estimate on all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from circuit_scaling.statistics.clusters import ClusterTotals
from circuit_scaling.statistics.estimates import Estimates
from circuit_scaling.statistics.means import added_by_cluster, is_rounding, skewness_of_sum

_Floats = npt.NDArray[np.float64]


def two_phase_means(
    measured: ClusterTotals, control: ClusterTotals, everywhere: ClusterTotals
) -> tuple[Estimates, _Floats]:
    """Mean of each item over the population that all prompts were drawn from.

    A control that goes along with what is measured says how far the measured prompts lie from all
    others: mean(measured) + b (mean(control on all) - mean(control on the same)), with b the slope
    of what is measured on the control over clusters (Cochran 1977, "Sampling techniques", sections
    7.1 and 12.6). Whatever the control is, the estimate stays one of what is measured; the better
    it is, the smaller the error. The variance is that of the residuals over the clusters that were
    measured, with what the slope's own error adds, and that of the control's share over all; twice
    their covariance is added where it is above 0, as it may be of clusters measured in part.

    Args:
        measured: [items, clusters measured].
        control: the control on the same prompts.
        everywhere: the control on all prompts, those among them.

    Returns:
        The estimates, and the part of their variance that falls with the number of clusters
        measured: [items].

    Raises:
        ValueError: the control is not of the same clusters, a cluster is not among all, or there
            are fewer than 3.
    """
    n_clusters, n_all = len(measured.labels), len(everywhere.labels)
    place = {label: column for column, label in enumerate(everywhere.labels)}
    if control.labels != measured.labels or not set(measured.labels) <= set(place):
        raise ValueError("the control must be known on the clusters that were measured")
    if n_clusters < 3:
        raise ValueError(f"a slope needs at least 3 clusters, got {n_clusters}")
    here, there = added_by_cluster(measured), added_by_cluster(control)
    spread = np.square(there).sum(axis=1)
    varies = spread > np.finfo(np.float64).tiny
    scale = np.where(varies, spread, 1.0)
    slope = np.where(varies, (here * there).sum(axis=1) / scale, 0.0)
    residual = here - slope[:, None] * there
    ahead = everywhere.mean - control.mean
    of_residuals = np.square(residual).sum(axis=1) / (n_clusters - 2)
    of_measured = of_residuals * (n_clusters + np.where(varies, ahead**2 / scale, 0.0))
    parts = slope[:, None] * added_by_cluster(everywhere)
    of_all = np.square(parts).sum(axis=1) * n_all / (n_all - 1)
    own = [place[label] for label in measured.labels]
    # Of clusters that were measured in part, the rest goes along with what the slope left over.
    of_measured += 2 * np.maximum((residual * parts[:, own]).sum(axis=1), 0)
    parts[:, own] += residual
    variance = of_measured + of_all
    freedom = np.divide(
        variance**2,
        of_measured**2 / (n_clusters - 2) + of_all**2 / (n_all - 1),
        out=np.full_like(variance, n_clusters - 2),
        where=variance > 0,
    )
    mean = measured.mean + slope * ahead
    error, skewness = np.sqrt(variance), skewness_of_sum(parts, n_clusters)
    constant = is_rounding(error, mean)
    error, skewness, of_measured = (
        np.where(constant, 0.0, part) for part in (error, skewness, of_measured)
    )
    return Estimates(mean, error, skewness, freedom), of_measured
