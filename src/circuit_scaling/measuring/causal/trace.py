"""Trace one model: what its heroes carry, where they look, and where they write to."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from circuit_scaling.interventions.model.device import prepare_device
from circuit_scaling.interventions.model.memory import reset_peak
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.causal.hero_pairs import joint_influences
from circuit_scaling.measuring.causal.heroes import Subjects
from circuit_scaling.measuring.causal.influence import head_influences
from circuit_scaling.measuring.causal.reads import head_reads
from circuit_scaling.measuring.causal.settings import TRACED_TASKS, CausalSettings
from circuit_scaling.measuring.causal.traced_task import TracedTask, some_prompts
from circuit_scaling.measuring.causal.writes import head_writes
from circuit_scaling.measuring.scan.freshness import revision_of
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.measuring.shared.progress import Progress, no_progress
from circuit_scaling.measuring.shared.run_log import run_log
from circuit_scaling.models.loading import load_model
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.tables.causal import CAUSAL_TRACES, HEAD_READS, HEAD_WRITES, HERO_PAIRS
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from circuit_scaling.tables.table import Table


@dataclass(frozen=True)
class TracingTables:
    """The tables of one model's tracing (schemas in ``tables/causal.py``)."""

    causal_traces: pd.DataFrame
    head_reads: pd.DataFrame
    head_writes: pd.DataFrame
    hero_pairs: pd.DataFrame
    causal_log: pd.DataFrame


def trace_model(
    slug: str,
    entry: RosterEntry,
    scan: ScanSettings,
    settings: CausalSettings,
    prompts: pd.DataFrame,
    profiles: pd.DataFrame,
    subjects: Subjects,
    fingerprint: str,
    progress: Progress = no_progress,
) -> TracingTables:
    """Patch the heads of one model between clean and corrupt prompts of both name tasks.

    Args:
        scan: says how precisely, in which chunks and within which memory the engine works.
        profiles: ``head_profiles`` of the model.
        fingerprint: what all rows carry.

    Raises:
        CircuitScalingError: the model cannot be loaded, prompts cannot be paired, or the engine
            cannot patch this model.
    """
    started = time.perf_counter()
    prepare_device(scan.precision)
    anatomy = load_model(slug, entry, scan.precision, revision_of(prompts))
    reset_peak(anatomy.device)
    chunk = Chunk.of(anatomy, None if scan.chunk == "auto" else scan.chunk, scan.max_memory)
    traced = [
        TracedTask(
            anatomy, task, some_prompts(prompts, task, settings.max_prompts), settings, chunk
        )
        for task in TRACED_TASKS
    ]

    def table(schema: Table, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
        found = [frame for frame in frames if len(frame)]
        if not found:
            return schema.empty()
        whole = pd.concat(found, ignore_index=True).assign(
            family=entry.family,
            model=slug,
            n_layers=anatomy.n_layers,
            n_heads=anatomy.n_heads,
            fingerprint=fingerprint,
        )
        return whole[list(schema.columns)]

    influences = pd.concat(
        [rows for task in traced for rows in head_influences(task, subjects.traced, progress)],
        ignore_index=True,
    )
    influences["q"] = q_values(influences["p"].to_numpy())
    reads = pd.concat([head_reads(task) for task in traced], ignore_index=True)
    reads = reads.merge(
        profiles[["layer", "head", *PROFILE_COLUMNS]], on=["layer", "head"], validate="many_to_one"
    )
    return TracingTables(
        causal_traces=table(CAUSAL_TRACES, [_described(influences, subjects)]),
        head_reads=table(HEAD_READS, [_described(reads, subjects)]),
        head_writes=table(
            HEAD_WRITES, (f for task in traced for f in head_writes(task, subjects, progress))
        ),
        hero_pairs=table(
            HERO_PAIRS, (f for task in traced for f in joint_influences(task, subjects, progress))
        ),
        causal_log=run_log("causal", slug, anatomy, chunk, started, runs_of(subjects)),
    )


def runs_of(subjects: Subjects) -> int:
    """Patched runs and traced paths of a model, in the units in which progress is told."""
    n_heroes = len(subjects.heroes)
    sets = n_heroes + n_heroes * (n_heroes - 1) // 2 if n_heroes > 1 else 0
    return len(TRACED_TASKS) * (4 * len(subjects.traced) + 2 * sets + n_heroes)


def _described(rows: pd.DataFrame, subjects: Subjects) -> pd.DataFrame:
    """The rows with the category of their head, and whether it is a hero."""
    heads = list(zip(rows["layer"].tolist(), rows["head"].tolist(), strict=True))
    return rows.assign(
        category=[subjects.categories[head] for head in heads],
        hero=[head in subjects.heroes for head in heads],
    )
