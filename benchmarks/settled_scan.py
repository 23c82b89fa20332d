"""A scan that settles heads, played again on effects that are already known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.statistics.clusters import ClusterTotals
from circuit_scaling.statistics.settling import Looks
from circuit_scaling.statistics.two_phase import two_phase_means

Floats = NDArray[np.float64]


class Played(NamedTuple):
    """How the heads of one task were settled: [heads].

    Attributes:
        n_prompts: on which each head was ablated.
        settled: whether it was told from tau.
        mean: its estimated effect.
        held: whether its intervals held the truth at all looks, those after it stopped included.
    """

    n_prompts: NDArray[np.int64]
    settled: NDArray[np.bool_]
    mean: Floats
    held: NDArray[np.bool_]


def played(
    effects: Floats, scores: Floats, looks: Looks, per_cluster: int, truth: Floats | None = None
) -> Played:
    """Settle heads whose effects are known on all prompts.

    Args:
        effects, scores: [heads, clusters], in the order in which they are measured; scores may be
            of further clusters, which are never measured.
        per_cluster: prompts of a cluster.
        truth: the true effects, [heads]; by default 0.
    """
    n_heads = len(effects)
    true = np.zeros(n_heads) if truth is None else truth
    active, settled = np.ones(n_heads, bool), np.zeros(n_heads, bool)
    n_prompts, mean, held = np.zeros(n_heads, np.int64), np.zeros(n_heads), np.ones(n_heads, bool)
    everywhere = totals(scores, per_cluster)
    for look, size in enumerate(looks.sizes):
        here = size // per_cluster
        estimates, of_measured = two_phase_means(
            totals(effects[:, :here], per_cluster),
            totals(scores[:, :here], per_cluster),
            everywhere,
        )
        low, high = looks.interval(estimates)
        held &= (low <= true) & (true <= high)
        told = looks.settled(estimates)
        n_prompts[active], mean[active] = size, estimates.mean[active]
        settled |= active & told
        active &= ~told & looks.worthwhile(estimates, of_measured, look)
    return Played(n_prompts, settled, mean, held)


def totals(by_cluster: Floats, per_cluster: int) -> ClusterTotals:
    """Mean effects [heads, clusters] as totals of equally large clusters."""
    n_clusters = by_cluster.shape[1]
    labels = tuple(f"{c:05d}" for c in range(n_clusters))
    return ClusterTotals(labels, by_cluster * per_cluster, np.full(n_clusters, float(per_cluster)))
