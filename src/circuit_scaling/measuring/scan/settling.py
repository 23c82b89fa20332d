"""Ablate each head of a task on as many prompts as its category needs, and no more.

Prompts come in balanced batches. After each, every head that is still measured has an estimate of
its effect from the prompts that it was ablated on, corrected by its attribution scores on all of
them, and an interval that holds together with those of all other looks. Heads that are told from
tau are left out of the next batches; so are those that further prompts would hardly tell.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.readouts import Readout
from circuit_scaling.measuring.scan.kinds import kinds_of
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.shared.progress import Progress, no_progress
from circuit_scaling.prompts.rounds import batches_by_look
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.estimates import Estimates
from circuit_scaling.statistics.means import p_values
from circuit_scaling.statistics.settling import Looks
from circuit_scaling.statistics.two_phase import two_phase_means

_log = logging.getLogger(__name__)

MIN_CLUSTERS = 16
"""Clusters before the first look: with fewer, intervals of such strict levels hold too rarely for
skewed effects (``docs/coverage.md``)."""


class Settling:
    """One task on one model while its heads are measured and settled."""

    def __init__(self, measurement: Measurement) -> None:
        """Nothing is measured yet.

        Raises:
            CircuitScalingError: the task has no answer, or too few prompts for a look.
        """
        self._of = measurement
        settings = measurement.settings
        self._settle = settings.settle
        if not measurement.answered:
            raise CircuitScalingError(
                f"scan.settle.tasks: '{measurement.task}' has no answer, so that no head can be "
                "told from tau on it. Leave it out."
            )
        self.batches = batches_by_look(
            measurement.rows, self._settle.first, self._settle.max_prompts, MIN_CLUSTERS
        )
        first = measurement.rows.iloc[self.batches[0]]
        if first["cluster"].nunique() < MIN_CLUSTERS:
            raise CircuitScalingError(
                f"scan.until: resolved needs at least {MIN_CLUSTERS} clusters of prompts of a "
                f"task; '{measurement.task}' has {first['cluster'].nunique()} in {len(first)} "
                f"prompts. Give it more prompts (tasks.{measurement.task}.n_prompts), leave it out "
                "of scan.settle.tasks, or set scan.until: all."
            )
        kinds = kinds_of(settings, measurement.task)
        self._primary = next((a, k) for a, k in kinds.items() if k == settings.primary)
        self._others = {a: k for a, k in kinds.items() if k != settings.primary}
        anatomy = measurement.anatomy
        n_heads = anatomy.n_layers * anatomy.n_heads
        self._open = np.ones(n_heads, np.bool_)
        self._settled = np.zeros(n_heads, np.bool_)
        self._looks = np.zeros(n_heads, np.int64)
        self._smallest_p = np.ones(n_heads)
        self._found = np.full((4, n_heads), np.nan)  # mean, se and the ends of the interval
        self._effects: dict[Readout, NDArray[np.float32]] = {
            name: np.full((n_heads, len(measurement.rows)), np.nan, np.float32)
            for name in measurement.readouts
        }
        self._done = 0

    @property
    def goes_on(self) -> bool:
        """Whether there are heads to measure, and prompts to do it on."""
        return self._done < len(self.batches) and bool(self._open.any())

    @property
    def looked(self) -> bool:
        """Whether every head has been measured on the first batch."""
        return self._done > 0

    def look(self, progress: Progress = no_progress) -> None:
        """Measure the heads that are open on the next batch, and settle those that it tells."""
        places, heads = self.batches[self._done], self._open.copy()
        effects = self._of.effects_on(places, dict([self._primary]), progress, heads)
        for name, values in self._effects.items():
            values[:, places] = effects[self._primary[1], name]
        self._done += 1
        self._looks[heads] = self._done
        estimates, of_measured = self._estimates(heads)
        self._found[:, heads] = np.stack(
            [estimates.mean, estimates.se, *self._plan.interval(estimates)]
        )
        measured = np.concatenate(self.batches[: self._done])
        p = p_values(estimates, self._of.rows["cluster"].iloc[measured].nunique())
        self._smallest_p[heads] = np.minimum(self._smallest_p[heads], p)
        settled = self._plan.settled(estimates)
        goes_on = self._plan.worthwhile(estimates, of_measured, self._done - 1)
        self._settled[heads], self._open[heads] = settled, ~settled & goes_on

    def rows(self, progress: Progress = no_progress) -> Iterator[pd.DataFrame]:
        """Rows of the effects table: the primary kind as it was settled, then the other kinds.

        Those are measured here, on every head and the prompts of the first look.

        Raises:
            CircuitScalingError: as for :meth:`Measurement.head_effects`.
        """
        of_look = [self._rows_of_look(look) for look in np.unique(self._looks)]
        yield pd.concat(of_look).sort_index(ignore_index=True)
        if self._others:
            first = self.batches[0]
            effects = self._of.effects_on(first, self._others, progress)
            for kind in self._others.values():
                of_kind = {name: effects[kind, name] for name in self._of.readouts}
                yield self._of.rows_of(kind, of_kind, first)

    def spared(self) -> float:
        """What was not measured of all kinds on all prompts, in heads on all prompts."""
        n_prompts = len(self._of.rows)
        measured = np.isfinite(self._effects[self._of.spec.readout]).sum() / n_prompts
        others = len(self._others) * (1 - len(self.batches[0]) / n_prompts)
        return float(len(self._open) * (1 + others) - measured)

    def told(self) -> str:
        """How it went, for people."""
        n_prompts, n_heads = len(self._of.rows), len(self._open)
        replays = int(np.isfinite(self._effects[self._of.spec.readout]).sum())
        return (
            f"{self._of.task}: {self._settled.mean():.0%} of the heads are settled at tau = "
            f"{self._settle.tau:g}; ablated on {replays / n_heads:.0f} prompts on average and on "
            f"{self._plan.sizes[self._done - 1]} of {n_prompts} at most"
        )

    @cached_property
    def _plan(self) -> Looks:
        sizes = np.cumsum([len(places) for places in self.batches])
        error = self._settle.error_of_task(len(self._open))
        return Looks(tuple(sizes.tolist()), self._settle.tau, error)

    def _estimates(self, heads: NDArray[np.bool_]) -> tuple[Estimates, NDArray[np.float64]]:
        """Effects of heads that were measured on all batches up to now: [heads chosen]."""
        places = np.concatenate(self.batches[: self._done])
        clusters = self._of.rows["cluster"].to_numpy()
        effects = self._effects[self._of.spec.readout][heads]
        scores = self._scores[heads]
        return two_phase_means(
            cluster_totals(effects[:, places], clusters[places]),
            cluster_totals(scores[:, places], clusters[places]),
            cluster_totals(scores, clusters),
        )

    @property
    def _scores(self) -> NDArray[np.float32]:
        return self._of.attributions[self._primary[1]]

    def _rows_of_look(self, look: int) -> pd.DataFrame:
        """Rows of the heads that were measured up to a look."""
        heads = self._looks == look
        places = np.sort(np.concatenate(self.batches[:look]))
        effects = {name: values[:, places] for name, values in self._effects.items()}
        rows = self._of.rows_of(self._primary[1], effects, places, heads)
        rows[["delta", "se", "low", "high"]] = self._found[:, heads].T
        rows["p"] = self._plan.p_values(self._smallest_p[heads])
        rows["settled"] = self._settled[heads]
        rows["attributions"] = list(self._scores[heads])
        return rows.set_index(np.flatnonzero(heads))


def settle(
    slug: str, tasks: Sequence[Settling], max_seconds: float | None, progress: Progress
) -> None:
    """Look at all tasks in turn until their heads are settled, or time or prompts are used up.

    Args:
        max_seconds: no batch is begun after so many; but every task has its first look.
    """
    started = time.monotonic()
    late = False
    while (going_on := [task for task in tasks if task.goes_on]) and not late:
        for task in going_on:
            late = max_seconds is not None and time.monotonic() - started > max_seconds
            if not late or not task.looked:
                task.look(progress)
    for task in tasks:
        progress(slug, task.spared(), spared=True)
        _log.info("%s: %s%s", slug, task.told(), "; time was up" if late else "")
