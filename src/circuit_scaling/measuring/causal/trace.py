"""Trace one model: what its heroes carry, where they look, and where they write to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from circuit_scaling.measuring.causal.corruption import with_corrupt
from circuit_scaling.measuring.causal.hero_pairs import joint_influences
from circuit_scaling.measuring.causal.heroes import Subjects
from circuit_scaling.measuring.causal.influence import head_influences
from circuit_scaling.measuring.causal.reads import head_reads
from circuit_scaling.measuring.causal.settings import TRACED_TASKS, CausalSettings
from circuit_scaling.measuring.causal.traced_task import TracedTask, some_prompts
from circuit_scaling.measuring.causal.writes import head_writes
from circuit_scaling.measuring.shared.opened import Work, opened
from circuit_scaling.measuring.shared.progress import Progress
from circuit_scaling.measuring.shared.settings import EngineSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.tables.causal import CAUSAL_TRACES, HEAD_READS, HEAD_WRITES, HERO_PAIRS
from circuit_scaling.tables.columns import PROFILE_COLUMNS


@dataclass(frozen=True)
class TracingTables:
    """The tables of one model's tracing (schemas in ``tables/causal.py``)."""

    causal_traces: pd.DataFrame
    head_reads: pd.DataFrame
    head_writes: pd.DataFrame
    hero_pairs: pd.DataFrame
    causal_log: pd.DataFrame


def trace_model(
    entry: RosterEntry,
    engine: EngineSettings,
    settings: CausalSettings,
    prompts: pd.DataFrame,
    profiles: pd.DataFrame,
    subjects: Subjects,
    fingerprint: str,
    corrupt: Mapping[str, str],
) -> TracingTables:
    """Patch the heads of one model between clean and corrupt prompts of both tasks.

    Args:
        profiles: ``head_profiles`` of the model.
        fingerprint: what all rows carry.
        corrupt: of a task that brings its corrupt prompts with it, what these are called.

    Raises:
        CircuitScalingError: the model cannot be loaded, prompts cannot be paired, or the engine
            cannot patch this model.
    """
    asked = {
        name: with_corrupt(prompts, name, corrupt[name]) if name in corrupt else prompts
        for name in TRACED_TASKS
    }
    work = Work("causal", runs_of(subjects, settings.pairs), fingerprint)
    with opened(entry, engine, prompts, work) as model:
        traced = [
            TracedTask(
                model.anatomy,
                name,
                some_prompts(asked[name], name, settings.max_prompts),
                settings,
                model.chunk,
            )
            for name in TRACED_TASKS
        ]
        progress = model.progress
        paired = traced if settings.pairs else ()
        influences = pd.concat(
            [rows for t in traced for rows in head_influences(t, subjects.traced, progress)],
            ignore_index=True,
        )
        influences["q"] = q_values(influences["p"].to_numpy())
        reads = pd.concat([head_reads(t) for t in traced], ignore_index=True)
        reads = reads.merge(
            profiles[["layer", "head", *PROFILE_COLUMNS]],
            on=["layer", "head"],
            validate="many_to_one",
        )
        return TracingTables(
            causal_traces=model.table(CAUSAL_TRACES, [_described(influences, subjects)]),
            head_reads=model.table(HEAD_READS, [_described(reads, subjects)]),
            head_writes=model.table(
                HEAD_WRITES, (f for t in traced for f in head_writes(t, subjects, progress))
            ),
            hero_pairs=model.table(HERO_PAIRS, _pairs(paired, subjects, progress)),
            causal_log=model.log(),
        )


def _pairs(
    traced: Sequence[TracedTask], subjects: Subjects, progress: Progress
) -> Iterator[pd.DataFrame]:
    """Pairs of heroes on every task, with q over all of them; nothing where there are none."""
    frames = [rows for task in traced for rows in joint_influences(task, subjects, progress)]
    if frames:
        pairs = pd.concat(frames, ignore_index=True)
        yield pairs.assign(q=q_values(pairs["p"].to_numpy()))


def runs_of(subjects: Subjects, pairs: bool) -> int:
    """Patched runs and traced paths of a model, in the units in which progress is told."""
    n_heroes = len(subjects.heroes)
    sets = n_heroes + n_heroes * (n_heroes - 1) // 2 if pairs and n_heroes > 1 else 0
    return len(TRACED_TASKS) * (4 * len(subjects.traced) + 2 * sets + n_heroes)


def _described(rows: pd.DataFrame, subjects: Subjects) -> pd.DataFrame:
    """The rows with the category of their head, and whether it is a hero."""
    heads = list(zip(rows["layer"].tolist(), rows["head"].tolist(), strict=True))
    return rows.assign(
        category=[subjects.category(head) for head in heads],
        hero=[head in subjects.heroes for head in heads],
    )
