"""Simulated effects of clusters whose true mean is 0: symmetric, skewed, zero-inflated, heavy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.statistics.clusters import ClusterTotals

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]


def _zero_inflated(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Three clusters in ten have an effect at all, a skewed one."""
    return rng.exponential(size=shape) * (rng.random(shape) < 0.3) - 0.3


POPULATIONS: Mapping[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "t, 3 degrees of freedom": lambda rng, shape: rng.standard_t(3, shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape) - 1,
    "log-normal": lambda rng, shape: rng.lognormal(0, 1, shape) - np.exp(0.5),
    "zero in 7 of 10 clusters": _zero_inflated,
}
"""Effects of clusters [..., clusters] with a mean of 0."""


def totals_of(effects: Floats) -> ClusterTotals:
    """Effects [items, clusters], one prompt a cluster."""
    n_clusters = effects.shape[1]
    labels = tuple(f"c{c:04d}" for c in range(n_clusters))
    return ClusterTotals(labels, effects, np.ones(n_clusters))


def drawn(name: str, rng: np.random.Generator, items: int, n_clusters: int) -> ClusterTotals:
    """Items of a population, with a mean of 0."""
    return totals_of(POPULATIONS[name](rng, (items, n_clusters)))
