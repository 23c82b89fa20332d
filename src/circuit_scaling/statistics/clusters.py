"""Gather values measured on single prompts into one total per cluster of prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MIN_CLUSTERS = 10
"""With fewer clusters than this neither a standard error nor an interval is given."""

CONFIDENCE = 0.95
"""How often an interval should hold the truth; of every interval."""

MIDDLE = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
"""The quantiles between which the middle 95 % lie."""


@dataclass(frozen=True)
class ClusterTotals:
    """All that resampling whole clusters needs.

    Attributes:
        labels: of the clusters, sorted.
        sums: [items, clusters], the sum over the cluster's prompts.
        n_prompts: [clusters], how many prompts a cluster has.
    """

    labels: tuple[str, ...]
    sums: npt.NDArray[np.float64]
    n_prompts: npt.NDArray[np.float64]

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean of each item over all prompts, every prompt counting once: [items]."""
        mean: npt.NDArray[np.float64] = self.sums.sum(axis=1) / self.n_prompts.sum()
        return mean


def cluster_totals(
    values: npt.ArrayLike,
    clusters: Sequence[object] | npt.NDArray[np.generic],
    n_prompts: npt.ArrayLike | None = None,
) -> ClusterTotals:
    """Sum `values` [items, prompts] within each cluster of prompts.

    `clusters` [prompts] holds one label per column of `values`, all text or all whole numbers.
    Where a column already is the mean over several prompts, `n_prompts` [prompts] says over how
    many; then per-cluster means give the same totals as the prompts they were made from.

    Raises:
        ValueError: shapes do not fit, values are not finite, labels are missing or of mixed kinds,
            or counts are not positive.
    """
    measured = np.asarray(values, dtype=np.float64)
    if measured.ndim != 2 or measured.shape[1] == 0:
        raise ValueError(
            f"values must be [items, prompts] with at least one prompt, got shape {measured.shape}"
        )
    if not np.isfinite(measured).all():
        item, prompt = np.argwhere(~np.isfinite(measured))[0]
        raise ValueError(
            f"values holds {np.sum(~np.isfinite(measured))} entries that are not finite (first: "
            f"item {item}, prompt {prompt}); leave out what was not measured before averaging"
        )
    labels, column = _sorted_labels(clusters, measured.shape[1])
    counts = np.ones(measured.shape[1])
    if n_prompts is not None:
        counts = np.asarray(n_prompts, dtype=np.float64)
        if counts.shape != (measured.shape[1],) or not (np.isfinite(counts) & (counts > 0)).all():
            raise ValueError(
                f"n_prompts must hold {measured.shape[1]} positive counts, one per column of values"
            )
    # Sorted segments summed in one pass: no [prompts, clusters] indicator matrix is built.
    order = np.argsort(column, kind="stable")
    starts = np.searchsorted(column[order], np.arange(len(labels)))
    return ClusterTotals(
        labels=labels,
        sums=np.add.reduceat((measured * counts)[:, order], starts, axis=1),
        n_prompts=np.add.reduceat(counts[order], starts),
    )


def _sorted_labels(
    clusters: Sequence[object] | npt.NDArray[np.generic], n_columns: int
) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """Distinct labels in sorted order, and for each column the place of its label among them."""
    if len(clusters) != n_columns:
        raise ValueError(f"{len(clusters)} cluster labels for {n_columns} prompts")
    # A missing label must never become a cluster called "nan".
    if not (
        all(isinstance(label, str) for label in clusters)
        or all(isinstance(label, int | np.integer) for label in clusters)
    ):
        raise ValueError(
            "cluster labels must be all text or all whole numbers, one per prompt, none missing"
        )
    given = [str(label) for label in clusters]
    labels = tuple(sorted(set(given)))
    place = {label: index for index, label in enumerate(labels)}
    return labels, np.array([place[label] for label in given], dtype=np.intp)
