"""Correlation of the true effects of heads on two tasks, from effects measured with noise.

Every head of a model has a true effect on each of two tasks, and what is measured is that plus the
noise of the prompts. Noise pulls an ordinary correlation towards 0, and noise that both tasks share
pulls it away. Here variances and covariance are made of products of effects from two *different*
clusters of prompts, whose noise is independent, so that what is left is that of the true effects.
The interval holds every correlation that a test does not refuse.

x and y are the tasks' effects as parts by cluster, [heads, clusters], centred over heads
(``cross_cluster``); rho is the true correlation and r its estimate; a head contributes a to the
covariance and b to the variances, in units that make r - rho the mean of a - rho b over heads.
Clusters are pairs of names; a prompt belongs to one. ``docs/method.md``, *Scale*, says what the
report makes of it, and ``docs/coverage.md`` how often the interval holds the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.bootstrap import CONFIDENCE, MIN_CLUSTERS
from circuit_scaling.statistics.clusters import ClusterTotals
from circuit_scaling.statistics.cross_cluster import (
    Parts,
    head_products,
    pair_weight,
    parts_of,
    shared_clusters,
    signal_over_noise,
)
from circuit_scaling.statistics.power import minimal_detectable_effect

_Floats = npt.NDArray[np.float64]

MIN_HEADS = 10
"""With fewer heads than this the corrected correlation is not given."""

SIGNAL = 2.0
"""Standard deviations by which the true variance of a task's effects must lie above 0."""

# How many heads' worth of normal theory the measured variance is pulled up with; chosen by
# simulation (docs/coverage.md) so that few heads with noisy effects are covered as well.
_PRIOR_HEADS = 15


class CorrectedCorrelation(NamedTuple):
    """Correlation of true effects with its 95 % interval; NaN, and a reason, if not defined.

    Attributes:
        r: cov / sqrt(noise-corrected variances); noise can carry it a little beyond -1 and 1.
        low, high: within -1..1.
        minimal_detectable: the smallest true correlation, 0..1, that a two-sided test at 0.05
            finds with 80 % power, if its standard error is the one at 0; 1 also where none is.
        undefined: why the correlation is not defined; empty if it is.
    """

    r: float
    low: float
    high: float
    minimal_detectable: float
    undefined: str = ""


def corrected_correlation(
    first: ClusterTotals, second: ClusterTotals, names: tuple[str, str] = ("first", "second")
) -> CorrectedCorrelation:
    """Correlation between the true effects of a model's heads on two tasks.

    Args:
        first, second: effects [heads, clusters] of the same heads; clusters may be shared.
        names: of the tasks, for the reason why a correlation is not defined.

    The estimand is the correlation rho in the population that the model's heads are a sample of;
    the prompts' clusters are a sample too, and the interval carries both. The estimate is
    disattenuated (Spearman 1904): variances and covariance come from products of different
    clusters, so that noise variance, and noise covariance in shared clusters, cancel. It is not
    defined with fewer than `MIN_CLUSTERS` clusters or `MIN_HEADS` heads, nor where the true
    variance of a task is not above 0 by `SIGNAL` standard deviations: pure noise passes that 1 time
    in 40 for a task if its noise is independent over heads, and 1 in 20 if all of it is common.

    The interval holds every rho that (r - rho)^2 <= t^2 V(rho) does not refuse (Fieller 1954:
    inverting the test keeps its level where r is skewed and near its ends). V(rho) is the variance
    of r if rho is true: over heads, measured at rho (a score test, which heavy tails leave valid)
    and, where it lies below normal theory, pulled up with the weight of `_PRIOR_HEADS` heads; plus
    the part of the clusters' variance that heads share, as in two-way clustering (Cameron, Gelbach
    & Miller 2011). Nothing is resampled, so that no noise is carried twice. Simulated coverage is
    in docs/coverage.md. Raises ValueError if the tasks do not have the same heads.
    """
    if len(first.sums) != len(second.sums):
        raise ValueError(f"{len(first.sums)} heads on one task but {len(second.sums)} on the other")
    for name, task in zip(names, (first, second), strict=True):
        if len(task.labels) < MIN_CLUSTERS:
            return _undefined(f"fewer than {MIN_CLUSTERS} clusters on {name}")
    if len(first.sums) < MIN_HEADS:
        return _undefined(f"fewer than {MIN_HEADS} heads")
    x, y = parts_of(first), parts_of(second)
    for name, task_parts in zip(names, (x, y), strict=True):
        if not signal_over_noise(task_parts) > SIGNAL:
            return _undefined(f"effects on {name} do not vary beyond noise")
    spread = _spread(x, y)
    low, high = _interval(spread)
    smallest = float(minimal_detectable_effect(np.sqrt(spread.variance(0.0))))
    return CorrectedCorrelation(spread.r, low, high, min(1.0, smallest))


def effective_heads(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """How many heads of equal effects would share the variance of both tasks as evenly.

    1 / sum of squared shares, a head's share being the mean of its shares of the two variances: 1
    if one head has it all, the number of heads if all have the same. Where it is small, the
    interval of the corrected correlation is wide however many heads there are. NaN where a task's
    effects [heads] are constant.
    """
    effects = np.stack([np.asarray(task, dtype=np.float64) for task in (first, second)])
    squares = np.square(effects - effects.mean(axis=1, keepdims=True))
    totals = squares.sum(axis=1, keepdims=True)
    if not (totals > 0).all():
        return float("nan")
    return float(1 / np.square((squares / totals).mean(axis=0)).sum())


def _undefined(reason: str) -> CorrectedCorrelation:
    return CorrectedCorrelation(np.nan, np.nan, np.nan, np.nan, reason)


@dataclass(frozen=True)
class _Spread:
    """The estimate, and what its variance is made of.

    r - rho is, to first order, the mean of a - rho b over heads: a is the head's share of the
    covariance, b half of its shares of both variances. Quadratic forms in (1, -rho) give variances.
    """

    r: float
    n_heads: int
    n_clusters: int
    heads: _Floats  # [2, 2] covariance of the means of a and b over heads
    clusters: _Floats  # [2, 2] what the clusters' noise adds because heads share it
    observed: _Floats  # [2, 2] observed covariance of the tasks, in units of the true variances

    def variance(self, rho: float) -> float:
        """Variance of r if rho is true."""
        return self.parts(rho)[0] + self.parts(rho)[1]

    def parts(self, rho: float) -> tuple[float, float]:
        """The same in two: from heads with their own noise, and from noise that heads share."""
        at = np.array([1.0, -rho])
        # About rho and not about r: the second moment under the hypothesis.
        measured = float(at @ self.heads @ at) + (self.r - rho) ** 2 / (self.n_heads - 1)
        weight = _PRIOR_HEADS / (_PRIOR_HEADS + self.n_heads)
        lacking = max(0.0, self._normal(rho) - measured)
        return measured + weight * lacking, max(0.0, float(at @ self.clusters @ at))

    def _normal(self, rho: float) -> float:
        """Variance over heads if true effects and noise are normal, by Isserlis' theorem."""
        xx, yy = self.observed[0, 0], self.observed[1, 1]
        xy = rho + self.observed[0, 1] - self.r
        products = xx * yy + xy**2
        mixed = xy * (xx + yy)
        squares = (xx**2 + yy**2) / 2 + xy**2
        return float(products - 2 * rho * mixed + rho**2 * squares) / (self.n_heads - 1)


def _spread(x: Parts, y: Parts) -> _Spread:
    n_heads = len(x.total)
    xx, yy, xy = (head_products(*pair) / (n_heads - 1) for pair in ((x, x), (y, y), (x, y)))
    var_x, var_y = xx.sum(), yy.sum()
    scale = np.sqrt(var_x * var_y)
    a = n_heads * xy / scale
    b = n_heads * (xx / var_x + yy / var_y) / 2
    raw = np.array([[x.total @ x.total, x.total @ y.total], [0.0, y.total @ y.total]])
    return _Spread(
        r=float(xy.sum() / scale),
        n_heads=n_heads,
        n_clusters=min(len(x.labels), len(y.labels)),
        heads=np.cov(a, b) / n_heads,
        clusters=_shared_noise(x, y, var_x, var_y),
        observed=raw / (n_heads - 1) / np.array([[var_x, scale], [scale, var_y]]),
    )


def _shared_noise(x: Parts, y: Parts, var_x: float, var_y: float) -> _Floats:
    """Variance by clusters less variance by single cells (head x cluster): [2, 2].

    Cells are the first-order terms of a cluster's noise in the means of a and b. If noise is
    independent over heads both variances agree, and the heads' variance holds all of it already.
    """
    cells = np.concatenate([_cells(x, y, var_x, var_y), _cells(y, x, var_y, var_x)], axis=2)
    in_x, in_y = shared_clusters(x, y)
    cells[:, :, in_x] += cells[:, :, len(x.labels) + in_y]
    cells = np.delete(cells, len(x.labels) + in_y, axis=2)
    by_cluster = cells.sum(axis=1)
    return np.asarray(by_cluster @ by_cluster.T - np.einsum("khc,lhc->kl", cells, cells))


def _cells(own: Parts, other: Parts, var_own: float, var_other: float) -> _Floats:
    """First-order terms of the noise of ``own`` in the means of a and b: [2, heads, clusters]."""
    n_clusters = len(own.labels)
    noise = own.parts - own.total[:, None] * own.weights
    noise *= np.sqrt(n_clusters / (n_clusters - 1)) / (len(own.total) - 1)
    # What a cluster is multiplied with leaves out the cluster itself.
    partner = np.repeat(other.total[:, None], n_clusters, axis=1)
    in_own, in_other = shared_clusters(own, other)
    partner[:, in_own] -= other.parts[:, in_other]
    partner /= pair_weight(own, other) * np.sqrt(var_own * var_other)
    itself = (own.total[:, None] - own.parts) / (pair_weight(own, own) * var_own)
    cells = np.stack([noise * partner, noise * itself])
    centred: _Floats = cells - cells.mean(axis=2, keepdims=True)
    return centred


def _interval(spread: _Spread) -> tuple[float, float]:
    """Ends of the set of rho in -1..1 that are not refused."""

    def refused(rho: float) -> float:
        """Above 0 where rho is refused."""
        own, shared = spread.parts(rho)
        variance = own + shared
        # Satterthwaite: only the clusters' part is known from few degrees of freedom.
        freedom = (spread.n_clusters - 1) * (variance / shared) ** 2 if shared > 0 else np.inf
        quantile = scipy.special.stdtrit(min(freedom, 1e6), (1 + CONFIDENCE) / 2)
        return float((spread.r - rho) ** 2 - quantile**2 * variance)

    if refused(spread.r) >= 0:  # effects that agree without any spread: nothing but r is left
        return _clipped(spread.r), _clipped(spread.r)
    ends = []
    for end in (-1.0, 1.0):
        beyond = spread.r >= 1 if end > 0 else spread.r <= -1
        open_end = beyond or refused(end) <= 0
        ends.append(end if open_end else scipy.optimize.brentq(refused, *sorted((end, spread.r))))
    return _clipped(ends[0]), _clipped(ends[1])


def _clipped(rho: float) -> float:
    return max(-1.0, min(1.0, rho))
