"""A model opened to be measured: alone in the process, with its chunk, its progress and its log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.device import Precision, prepared_device
from circuit_scaling.interventions.model.memory import reset_peak
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.shared.of_model import revision_of
from circuit_scaling.measuring.shared.progress import Progress, scan_progress
from circuit_scaling.measuring.shared.run_log import COUNTED, Stage, run_log
from circuit_scaling.measuring.shared.settings import EngineSettings
from circuit_scaling.models.loading import load_model, weights_of
from circuit_scaling.models.opening import ONE_MODEL_AT_A_TIME
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.tables.table import Table


@dataclass(frozen=True)
class Work:
    """What is done to a model.

    Attributes:
        stage: whose measurement it is.
        total: heads, runs or sets that are measured, over all tasks and ablations.
        fingerprint: what all rows of its tables carry.
    """

    stage: Stage
    total: int
    fingerprint: str


@dataclass(frozen=True)
class OpenedModel:
    """A model while it is measured.

    Attributes:
        chunk: how much the engine replays together.
        progress: to be told what is done.
        weights: their dtype, and how they were quantised.
        started: what ``time.perf_counter()`` said before the model was loaded.
    """

    entry: RosterEntry
    work: Work
    anatomy: Anatomy
    chunk: Chunk
    progress: Progress
    weights: str
    started: float

    def table(self, schema: Table, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
        """The frames one below the other, with the model's name and shape, as ``schema`` has it."""
        found = [frame for frame in frames if len(frame)]
        if not found:
            return schema.empty()
        whole = pd.concat(found, ignore_index=True).assign(
            family=self.entry.family,
            model=self.entry.slug,
            n_layers=self.anatomy.n_layers,
            n_heads=self.anatomy.n_heads,
            fingerprint=self.work.fingerprint,
        )
        return whole[list(schema.columns)]

    def log(self, kept: float = 0) -> pd.DataFrame:
        """The line of the run log, now that all is done.

        Args:
            kept: how much of it was done by a run that was stopped.
        """
        return run_log(
            self.work.stage,
            self.entry.slug,
            self.anatomy,
            self.weights,
            self.chunk,
            time.perf_counter() - self.started,
            self.work.total - kept,
        )


@contextmanager
def opened(
    entry: RosterEntry, engine: EngineSettings, prompts: pd.DataFrame, work: Work
) -> Iterator[OpenedModel]:
    """Load a model once, at the commit that its prompts were made for; others wait.

    Raises:
        CircuitScalingError: the model cannot be loaded.
    """
    slug, what = entry.slug, COUNTED[work.stage]
    with alone_on_device(engine.precision), scan_progress(slug, work.total, what) as progress:
        started = time.perf_counter()
        commit = revision_of(prompts)
        anatomy = load_model(entry, engine.precision, commit)
        reset_peak(anatomy.device)
        tokens = None if engine.chunk == "auto" else engine.chunk
        chunk = Chunk.of(anatomy, tokens, engine.max_memory)
        weights = weights_of(entry, engine.precision, commit)
        yield OpenedModel(entry, work, anatomy, chunk, progress, weights, started)


@contextmanager
def alone_on_device(precision: Precision) -> Iterator[None]:
    """Measure one model at a time, with the same bits each time; the switches come back after."""
    with ONE_MODEL_AT_A_TIME, prepared_device(precision):
        yield
