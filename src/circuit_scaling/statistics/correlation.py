"""Correlation of the true effects of heads on two tasks, from effects measured with noise.

Every head of a model has a true effect on each of two tasks, and what is measured is that plus the
noise of the prompts. Noise pulls an ordinary correlation towards 0, and noise that both tasks share
pulls it away. Here variances and covariance are made of products of effects from two *different*
clusters of prompts, whose noise is independent, so that what is left is that of the true effects.

The correlation is a ratio, covariance over root of variances, and its intervals are Fieller's:
every correlation rho for which covariance - rho root is no further from 0 than chance carries it.
Two questions have two intervals. *These heads*: the model has no others, and only prompts are
sampled. *Heads as a sample*: what another training of such a model would show; heads of a layer
have much in common, so that layers are what was sampled. ``docs/method.md``, *Scale*, says what the
report makes of both, and ``docs/coverage.md`` how often they hold the truth.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import MIDDLE, MIN_CLUSTERS, ClusterTotals
from circuit_scaling.statistics.cross_cluster import (
    Parts,
    head_products,
    parts_of,
    shared_clusters,
    signal_over_noise,
)
from circuit_scaling.statistics.fieller import fieller_interval
from circuit_scaling.statistics.power import minimal_detectable_effect

_Floats = npt.NDArray[np.float64]
_Ends = tuple[float, float]

MIN_HEADS = 10
"""With fewer heads than this the corrected correlation is not given."""

SIGNAL = 2.0
"""Standard deviations by which the true variance of a task's effects must lie above 0."""


class CorrectedCorrelation(NamedTuple):
    """Correlation of true effects with its 95 % intervals; NaN, and a reason, if not defined.

    Attributes:
        r: covariance over root of variances, without noise; noise can carry it a little beyond -1
            and 1.
        low, high: of these heads, over prompts; within -1..1.
        sample_low, sample_high: of heads as a sample, over layers and prompts; within -1..1, and
            NaN with one layer.
        minimal_detectable: the smallest true correlation of these heads, 0..1, that a two-sided
            test at 0.05 finds with 80 % power, if its standard error is the one at 0; 1 also where
            none is.
        undefined: why the correlation is not defined; empty if it is.
    """

    r: float
    low: float
    high: float
    sample_low: float
    sample_high: float
    minimal_detectable: float
    undefined: str = ""


class _Estimate(NamedTuple):
    """Covariance and root of variances of the true effects, over heads."""

    values: _Floats  # [2]
    bias: _Floats  # [2], by the jackknife over clusters
    covariance: _Floats  # [2, 2], the same


def corrected_correlation(
    first: ClusterTotals,
    second: ClusterTotals,
    layers: npt.ArrayLike,
    names: tuple[str, str] = ("first", "second"),
) -> CorrectedCorrelation:
    """Correlation between the true effects of a model's heads on two tasks.

    Args:
        first, second: effects [heads, clusters] of the same heads; clusters may be shared.
        layers: of each head [heads].
        names: of the tasks, for the reason why a correlation is not defined.

    The estimate is disattenuated (Spearman 1904): variances and covariance come from products of
    different clusters, so that noise variance, and noise covariance in shared clusters, cancel. It
    is not defined with fewer than `MIN_CLUSTERS` clusters or `MIN_HEADS` heads, where the true
    variance of a task is not above 0 by `SIGNAL` standard deviations (pure noise passes that 1 time
    in 40 for a task if its noise is independent over heads, and 1 in 20 if all of it is common),
    nor where the root of the variances is not told from 0.

    Covariance and root are freed of their first-order bias, and their covariance over prompts is
    measured, by a jackknife over clusters: of those that both tasks have and of each task's own as
    separate samples (Efron and Stein 1981). What clusters do to both at once, such as scaling all
    effects of a model, is in it. For heads as a sample the covariance of the layers' sums is added
    (Cameron, Gelbach and Miller 2011), with the degrees of freedom of the layers. Nothing is
    resampled, so that no noise is carried twice.

    Raises:
        ValueError: the tasks or the layers do not have the same heads.
    """
    layer = np.asarray(layers)
    if len(first.sums) != len(second.sums):
        raise ValueError(f"{len(first.sums)} heads on one task but {len(second.sums)} on the other")
    if layer.shape != (len(first.sums),):
        raise ValueError(f"layers {layer.shape} do not fit {len(first.sums)} heads")
    for name, task in zip(names, (first, second), strict=True):
        if len(task.labels) < MIN_CLUSTERS:
            return _undefined(f"fewer than {MIN_CLUSTERS} clusters on {name}")
    if len(first.sums) < MIN_HEADS:
        return _undefined(f"fewer than {MIN_HEADS} heads")
    x, y = parts_of(first), parts_of(second)
    for name, task_parts in zip(names, (x, y), strict=True):
        if not signal_over_noise(task_parts) > SIGNAL:
            return _undefined(f"effects on {name} do not vary beyond noise")
    over_prompts = _jackknife(x, y)
    covariance, root = (float(value) for value in over_prompts.values - over_prompts.bias)
    freedom = min(len(x.labels), len(y.labels)) - 1
    low, high = _interval((covariance, root), over_prompts.covariance, freedom)
    if root <= 0 or np.isinf(low):
        return _undefined(f"effects on {names[0]} or {names[1]} vary too little beyond noise")
    n_layers = len(np.unique(layer))
    sample = (np.nan, np.nan)
    if n_layers > 1:
        both = over_prompts.covariance + _over_layers(x, y, layer)
        sample = _interval((covariance, root), both, min(freedom, n_layers - 1))
    smallest = minimal_detectable_effect(np.sqrt(over_prompts.covariance[0, 0]) / root)
    return CorrectedCorrelation(
        covariance / root,
        *_clipped(low, high),
        *_clipped(*sample),
        min(1.0, float(smallest)),
    )


def effective_heads(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """How many heads of equal effects would share the variance of both tasks as evenly.

    1 / sum of squared shares, a head's share being the mean of its shares of the two variances: 1
    if one head has it all, the number of heads if all have the same. NaN where a task's effects
    [heads] are constant.
    """
    effects = np.stack([np.asarray(task, dtype=np.float64) for task in (first, second)])
    squares = np.square(effects - effects.mean(axis=1, keepdims=True))
    totals = squares.sum(axis=1, keepdims=True)
    if not (totals > 0).all():
        return float("nan")
    return float(1 / np.square((squares / totals).mean(axis=0)).sum())


def _undefined(reason: str) -> CorrectedCorrelation:
    nan = float("nan")
    return CorrectedCorrelation(nan, nan, nan, nan, nan, nan, reason)


def _interval(estimates: tuple[float, float], covariance: _Floats, freedom: int) -> _Ends:
    quantile = float(scipy.special.stdtrit(freedom, MIDDLE[1]))
    return fieller_interval(estimates, covariance, quantile)


def _clipped(low: float, high: float) -> _Ends:
    """Within -1..1; NaN stays NaN."""
    return float(np.clip(low, -1, 1)), float(np.clip(high, -1, 1))


class _Sum(NamedTuple):
    """A sum of products of different clusters, over heads, and the weight of these products."""

    total: float
    weight: float
    without: tuple[_Floats, _Floats]  # what each cluster of the one and the other has to do with it
    weights_without: tuple[_Floats, _Floats]


def _products(a: Parts, b: Parts) -> _Sum:
    """Products of the parts of ``a`` and ``b`` over pairs of different clusters."""
    in_a, in_b = shared_clusters(a, b)
    own = np.einsum("hc,hc->c", a.parts[:, in_a], b.parts[:, in_b])
    own_weight = a.weights[in_a] * b.weights[in_b]
    of_a, of_b = a.parts.T @ b.total, b.parts.T @ a.total
    weight_a, weight_b = a.weights.copy(), b.weights.copy()
    for of, weight, shared in ((of_a, weight_a, in_a), (of_b, weight_b, in_b)):
        of[shared] -= own
        weight[shared] -= own_weight
    return _Sum(
        float(a.total @ b.total - own.sum()),
        float(1 - own_weight.sum()),
        (of_a, of_b),
        (weight_a, weight_b),
    )


def _jackknife(x: Parts, y: Parts) -> _Estimate:
    """Covariance and root of variances, their bias and their covariance over clusters."""
    in_x, in_y = shared_clusters(x, y)
    of_pair = _products(x, y)
    variances = [_products(task, task) for task in (x, y)]
    scale = len(x.total) - 1
    values = np.array(
        [
            of_pair.total / of_pair.weight,
            np.sqrt(np.prod([one.total / one.weight for one in variances])),
        ]
    )
    own_x = np.setdiff1d(np.arange(len(x.labels)), in_x)
    own_y = np.setdiff1d(np.arange(len(y.labels)), in_y)
    bias, covariance = np.zeros(2), np.zeros((2, 2))
    nothing = np.array([], dtype=np.intp)
    for left_x, left_y in ((in_x, in_y), (own_x, nothing), (nothing, own_y)):
        size = max(len(left_x), len(left_y))
        if size < 2:
            continue
        without = _without(of_pair, variances, left_x, left_y)
        mean = without.mean(axis=0)
        bias += (size - 1) * (mean - values)
        covariance += (size - 1) / size * (without - mean).T @ (without - mean)
    return _Estimate(values / scale, bias / scale, covariance / scale**2)


def _without(
    of_pair: _Sum,
    variances: list[_Sum],
    left_x: npt.NDArray[np.intp],
    left_y: npt.NDArray[np.intp],
) -> _Floats:
    """Covariance and root, times heads - 1, without one cluster after the other: [clusters, 2]."""
    total, weight, roots = (np.array(one) for one in (of_pair.total, of_pair.weight, 1.0))
    for side, left, own in zip((0, 1), (left_x, left_y), variances, strict=True):
        if len(left):
            total = total - of_pair.without[side][left]
            weight = weight - of_pair.weights_without[side][left]
            rest = own.total - 2 * own.without[0][left]
            roots = roots * rest / (own.weight - 2 * own.weights_without[0][left])
        else:
            roots = roots * own.total / own.weight
    # Without one cluster nothing may be left of a variance.
    return np.stack([total / weight, np.sqrt(np.maximum(roots, 0.0))], axis=1)


def _over_layers(x: Parts, y: Parts, layer: npt.NDArray[np.generic]) -> _Floats:
    """Covariance [2, 2] of the two from layers being a sample: of the sums of heads by layer."""
    xx, yy, xy = (head_products(*pair) / (len(layer) - 1) for pair in ((x, x), (y, y), (x, y)))
    var_x, var_y = float(xx.sum()), float(yy.sum())
    # To first order a head adds to the root half of its shares of both variances.
    root = np.sqrt(var_x * var_y) * (xx / var_x + yy / var_y) / 2
    names, place = np.unique(layer, return_inverse=True)
    sums = np.stack([np.bincount(place, weights=part) for part in (xy, root)])
    centred = sums - sums.mean(axis=1, keepdims=True)
    covariance: _Floats = centred @ centred.T * len(names) / (len(names) - 1)
    return covariance
