"""Means of many items in which whole clusters of prompts are drawn anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from circuit_scaling.statistics.clusters import MIN_CLUSTERS, ClusterTotals


def bootstrap_draws(
    samples: Sequence[ClusterTotals], rng: np.random.Generator, draws: int = 2000
) -> list[npt.NDArray[np.float64]]:
    """Resampled means [draws, items] of several samples that may share clusters.

    Each draw takes clusters from the union of all labels, so that a cluster present in two
    samples counts equally often in both: their joint distribution is kept. A draw that would
    leave a sample empty is drawn again. The draws are as they come, hence narrower than the
    sampling distribution by sqrt((C - 1) / C). A sample of fewer than `MIN_CLUSTERS` clusters
    gets NaN throughout.

    Raises:
        ValueError: fewer than 2 draws.
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
