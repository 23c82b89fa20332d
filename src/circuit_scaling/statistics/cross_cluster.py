"""Products of effects from different clusters: measurement noise never meets itself in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from circuit_scaling.statistics.clusters import ClusterTotals

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """One task's effects as parts per cluster, centred over heads.

    Attributes:
        labels: of the clusters.
        weights: [clusters], share of the prompts.
        parts: [heads, clusters], effect on a cluster times its weight, less its mean over heads.
        total: [heads], the sum of the parts: the mean effect less its mean over heads.
    """

    labels: tuple[str, ...]
    weights: _Floats
    parts: _Floats
    total: _Floats


def parts_of(totals: ClusterTotals) -> Parts:
    """The parts of ``totals`` [heads, clusters]; a constant added to all heads changes nothing."""
    prompts = totals.n_prompts.sum()
    parts = (totals.sums - totals.sums.mean(axis=0)) / prompts
    return Parts(totals.labels, totals.n_prompts / prompts, parts, parts.sum(axis=1))


def shared_clusters(a: Parts, b: Parts) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Columns of the clusters that both tasks have, in ``a`` and in ``b``: [shared] each."""
    place = {label: column for column, label in enumerate(b.labels)}
    pairs = [(i, place[label]) for i, label in enumerate(a.labels) if label in place]
    columns = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


def pair_weight(a: Parts, b: Parts) -> float:
    """Weight of the pairs of different clusters, one of ``a`` and one of ``b``: 0..1.

    0 where both tasks have one and the same cluster only, so that there is no such pair.
    """
    in_a, in_b = shared_clusters(a, b)
    return float(1 - a.weights[in_a] @ b.weights[in_b])


def head_products(a: Parts, b: Parts) -> _Floats:
    """Product of the two tasks' centred true effects, estimated head by head: [heads].

    d_a d_b without the pairs of one and the same cluster, weighted up for what was left out. Its
    expectation is the product of the true effects whatever the noise: noise of different clusters
    is independent. The sum over heads / (heads - 1) is the noise-corrected (co)variance; with
    clusters of equal size it is the observed one less the noise (co)variance.
    """
    in_a, in_b = shared_clusters(a, b)
    own = np.einsum("hc,hc->h", a.parts[:, in_a], b.parts[:, in_b])
    products: _Floats = (a.total * b.total - own) / pair_weight(a, b)
    return products


def pairwise_products(a: Parts, b: Parts) -> _Floats:
    """:func:`head_products` of every head on ``a`` with every head on ``b``: [heads, heads]."""
    in_a, in_b = shared_clusters(a, b)
    own = a.parts[:, in_a] @ b.parts[:, in_b].T
    products: _Floats = (np.outer(a.total, b.total) - own) / pair_weight(a, b)
    return products


def signal_over_noise(a: Parts) -> float:
    """How far the sum of products of different clusters lies above 0, in standard deviations.

    The standard deviation is that of the same sum when the sign of each cluster is arbitrary,
    which is its distribution where heads do not differ; it holds however the noise of a cluster is
    correlated over heads. NaN where nothing varies or there is one cluster only.
    """
    gram = a.parts.T @ a.parts
    np.fill_diagonal(gram, 0.0)
    spread = float(np.sqrt(2 * np.square(gram).sum()))
    return float(gram.sum()) / spread if spread > 0 else float("nan")
