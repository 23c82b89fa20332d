"""One task on one model: its pairs of prompts, and how sure a mean over them is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import Pairs
from circuit_scaling.measuring.causal.corruption import (
    CORRUPT,
    Given,
    given_by,
    given_pairs,
    pairs_of,
)
from circuit_scaling.measuring.causal.settings import CausalSettings
from circuit_scaling.measuring.shared.batches import Key, batches_of, by_prompt
from circuit_scaling.statistics.clusters import ClusterTotals, cluster_totals
from circuit_scaling.statistics.means import ClusterMeans, cluster_means
from circuit_scaling.statistics.ratio import Ratios, cluster_ratio

Values = NDArray[np.float32]

_NO_REFERENCE = ""  # the other run of a pair is what patching puts in


def some_prompts(prompts: pd.DataFrame, task: str, most: int | None) -> pd.DataFrame:
    """The task's prompts, ``most`` of them: the first of every cluster, then the second, …"""
    rows = prompts[prompts["task"] == task]
    within = rows.groupby("cluster", sort=False).cumcount()
    return rows.loc[within.sort_values(kind="stable").index[:most].sort_values()]


@dataclass(frozen=True)
class TracedTask:
    """One task on one model.

    Attributes:
        prompts: the rows of the prompts table that are used, with a column of corrupt versions
            where the task brings them with it (:func:`corruption.with_corrupt`).
        chunk: how much the engine replays together.
    """

    anatomy: Anatomy
    task: str
    prompts: pd.DataFrame
    settings: CausalSettings
    chunk: Chunk

    @cached_property
    def batches(self) -> list[tuple[NDArray[np.int64], Batch]]:
        """The task's prompts by token length, and where each finds its result."""
        return list(batches_of(self.prompts, self.task, _NO_REFERENCE))

    @cached_property
    def clusters(self) -> NDArray[np.str_]:
        """The cluster of every prompt."""
        return self.prompts["cluster"].to_numpy()

    @property
    def n_asked(self) -> int:
        """Different prompts: those that are computed."""
        return sum(len(batch.tokens) for _, batch in self.batches)

    def measure(self, measured: Callable[[Batch], Mapping[Key, Values]]) -> dict[Key, Values]:
        """What ``measured`` gives on each batch, its last axis in the order of the prompts."""
        return by_prompt(self.batches, measured)

    def pairs(self, batch: Batch) -> Pairs:
        """The prompts of a batch with their corrupt versions."""
        if self._given is not None:
            return given_pairs(batch, self._given)
        return pairs_of(batch, getattr(self.settings.corruption, self.task))

    @cached_property
    def _given(self) -> Given | None:
        return given_by(self.prompts) if CORRUPT in self.prompts else None

    def counts(self) -> dict[str, int]:
        """Numbers of prompts and of clusters, as columns."""
        return {"n_prompts": len(self.clusters), "n_clusters": len(np.unique(self.clusters))}

    def means(self, values: Values) -> ClusterMeans:
        """Means of ``values`` [items, prompts] with their intervals and p."""
        return cluster_means(self._totals(values))

    def ratios(self, parts: Values, whole: Values) -> Ratios:
        """Means of ``parts`` [items, prompts] over the mean of ``whole`` [prompts]."""
        return cluster_ratio(self._totals(parts), self._totals(whole[None]))

    def _totals(self, values: Values) -> ClusterTotals:
        return cluster_totals(values, self.clusters)
