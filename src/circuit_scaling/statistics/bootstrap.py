"""Cluster bootstrap of means: whole clusters of prompts are drawn, many items at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import ClusterTotals

MIN_CLUSTERS = 10
"""With fewer clusters than this neither a standard error nor an interval is given."""

CONFIDENCE = 0.95


class BootstrapMeans(NamedTuple):
    """Mean of each item with its standard error and 95 % interval, each [items]."""

    mean: npt.NDArray[np.float64]
    se: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]


def cluster_bootstrap(
    totals: ClusterTotals, rng: np.random.Generator, draws: int = 2000
) -> BootstrapMeans:
    """Mean over prompts of each item, with the uncertainty from drawing clusters anew.

    With fewer than `MIN_CLUSTERS` clusters se, low and high are NaN. Otherwise two corrections
    make up for a resample of C clusters varying too little, by the factor sqrt((C - 1) / C): `se`
    is scaled up by its inverse, and the interval is the expanded percentile interval (Hesterberg
    2015, "What Teachers Should Know About the Bootstrap"), read further out in the tails so that
    for symmetric values it agrees with the t interval on C - 1 degrees of freedom.

    Simulated coverage of the true mean at 10, 20 and 60 clusters of 1 to 8 prompts: normal effects
    93.5, 94 and 94.5 %; skewed ones 91, 92.5 and 94 % (exponential), 88, 89.5 and 91.5 %
    (log-normal).
    """
    _check_draws(draws)
    n_clusters = len(totals.labels)
    mean = totals.mean
    if n_clusters < MIN_CLUSTERS:
        missing = np.full(mean.shape, np.nan)
        return BootstrapMeans(mean, missing, missing.copy(), missing.copy())
    resampled = _means(totals, _draw_counts(n_clusters, draws, rng))
    narrow = np.sqrt(n_clusters / (n_clusters - 1))
    low, high = expanded_interval(resampled, n_clusters)
    return BootstrapMeans(mean, narrow * resampled.std(axis=0, ddof=1), low, high)


def expanded_interval(
    draws: npt.NDArray[np.float64], n_clusters: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The expanded percentile interval (see :func:`cluster_bootstrap`) of ``draws`` [draws, items].

    Returns:
        Lower and upper ends, each [items].
    """
    t_quantile = scipy.special.stdtrit(n_clusters - 1, (1 + CONFIDENCE) / 2)
    tail = float(scipy.special.ndtr(-np.sqrt(n_clusters / (n_clusters - 1)) * t_quantile))
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return low, high


def bootstrap_draws(
    samples: Sequence[ClusterTotals], rng: np.random.Generator, draws: int = 2000
) -> list[npt.NDArray[np.float64]]:
    """Resampled means [draws, items] of several samples that may share clusters.

    Each draw takes clusters from the union of all labels, so that a cluster present in two
    samples counts equally often in both: their joint distribution is kept. A draw that would
    leave a sample empty is drawn again. The draws are as they come, hence narrower than the
    sampling distribution by sqrt((C - 1) / C). A sample of fewer than `MIN_CLUSTERS` clusters
    gets NaN throughout.
    """
    _check_draws(draws)
    union = sorted({label for sample in samples for label in sample.labels})
    place = {label: index for index, label in enumerate(union)}
    columns = [[place[label] for label in sample.labels] for sample in samples]
    enough = [len(own) >= MIN_CLUSTERS for own in columns]

    counts = _draw_counts(len(union), draws, rng)
    while True:
        empty = np.zeros(draws, dtype=bool)
        for own, usable in zip(columns, enough, strict=True):
            if usable:
                empty |= counts[:, own].sum(axis=1) == 0
        if not empty.any():
            break
        counts[empty] = _draw_counts(len(union), int(empty.sum()), rng)
    return [
        _means(sample, counts[:, own]) if usable else np.full((draws, sample.sums.shape[0]), np.nan)
        for sample, own, usable in zip(samples, columns, enough, strict=True)
    ]


def _draw_counts(n_clusters: int, draws: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """How often each cluster is drawn when as many are drawn as there are: [draws, clusters]."""
    drawn = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=draws)
    return drawn.astype(np.float64)


def _means(totals: ClusterTotals, counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean over the prompts of the drawn clusters: [draws, items]."""
    means: npt.NDArray[np.float64] = (counts @ totals.sums.T) / (counts @ totals.n_prompts)[:, None]
    return means


def _check_draws(draws: int) -> None:
    if draws < 2:
        raise ValueError(f"a bootstrap needs at least 2 draws, got {draws}")
