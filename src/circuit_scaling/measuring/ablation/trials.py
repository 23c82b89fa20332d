"""From a model, its prompts and sets of heads to the trials: each set ablated on each task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.ablate_sets import ablate_sets
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import Head, head_names
from circuit_scaling.interventions.replay.readouts import Readout
from circuit_scaling.measuring.ablation.sets import HeadSet, largest
from circuit_scaling.measuring.ablation.settings import AblationSettings
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.measuring.shared.batches import batches_of, by_prompt
from circuit_scaling.measuring.shared.finite import check_finite
from circuit_scaling.measuring.shared.opened import Work, opened
from circuit_scaling.measuring.shared.progress import Progress, no_progress
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.spec import Tasks, TaskSpec
from circuit_scaling.tables.ablation import ABLATION_TRIALS

SPLIT = "test"  # heroes were chosen on the other one
_REFERENCE = "reference"


class AblationTables(NamedTuple):
    """The tables of one model's ablated sets."""

    ablation_trials: pd.DataFrame
    ablation_log: pd.DataFrame


@dataclass(frozen=True)
class Trial:
    """One task under one kind of ablation, with all the sets that are ablated there."""

    task: str
    spec: TaskSpec
    kind: AblationKind
    sets: tuple[HeadSet, ...]

    @cached_property
    def distinct(self) -> list[tuple[Head, ...]]:
        """The sets of heads, each once; sets that do not exist are left out."""
        return list(dict.fromkeys(chosen.heads for chosen in self.sets if not chosen.reason))


def plan_trials(
    tasks: Tasks, scan: ScanSettings, settings: AblationSettings, sets: Sequence[HeadSet]
) -> list[Trial]:
    """Every set on the tasks of the heroes under the primary kind; all heroes elsewhere.

    Controls, and the other kinds, are measured with all heroes together and what these are
    compared with.

    Raises:
        CircuitScalingError: a task is not configured, or one of the heroes' has no answer.
    """
    primary, *others = settings.kinds(scan)
    every, of_all_heroes = tuple(sets), tuple(_of_all_heroes(sets))
    trials = []
    for task in settings.tasks:
        spec = _spec(tasks, task)
        if spec.readout != "contrast":
            raise CircuitScalingError(
                f"ablation.tasks names '{task}', which has no answer: put it under "
                "ablation.controls."
            )
        trials.append(Trial(task, spec, primary, every))
        trials += [Trial(task, spec, other, of_all_heroes) for other in others]
    controls = [(task, _spec(tasks, task)) for task in settings.controls]
    return [*trials, *(Trial(task, spec, primary, of_all_heroes) for task, spec in controls)]


def run_trials(
    entry: RosterEntry,
    scan: ScanSettings,
    settings: AblationSettings,
    prompts: pd.DataFrame,
    trials: Sequence[Trial],
    fingerprint: str,
) -> AblationTables:
    """Load the model once and ablate every set on ``test`` prompts.

    All sets of a task, token length and ablation are stacked in one call of the engine.

    Raises:
        CircuitScalingError: the model cannot be loaded, a head is outside its shape, a task has no
            ``test`` prompts.
    """
    work = Work("ablation", sets_of(trials), fingerprint)
    with opened(entry, scan, prompts, work) as model:
        frames = []
        for trial in trials:
            rows = prompts[(prompts["task"] == trial.task) & (prompts["split"] == SPLIT)]
            if rows.empty:
                raise CircuitScalingError(
                    f"Task '{trial.task}' has no '{SPLIT}' prompts in the prompts of "
                    f"'{entry.slug}': heroes are tested on prompts that they were not chosen on. "
                    "Raise prompts.n_prompts."
                )
            kind = trial.kind
            ablation = Ablation(kind.ablation, kind.positions, scan.draws, settings.seed)
            measured = measure_sets(
                model.anatomy, model.chunk, trial, ablation, prompts, rows, model.progress
            )
            frames.append(_table(trial, measured, len(rows), rows["cluster"].nunique()))
        every = pd.concat(frames, ignore_index=True).assign(split=SPLIT, seed=settings.seed)
        return AblationTables(model.table(ABLATION_TRIALS, [every]), model.log())


def sets_of(trials: Sequence[Trial]) -> int:
    """Sets that are ablated, counted once for each task and ablation."""
    return sum(len(trial.distinct) for trial in trials)


def measure_sets(
    anatomy: Anatomy,
    chunk: Chunk,
    trial: Trial,
    ablation: Ablation,
    prompts: pd.DataFrame,
    rows: pd.DataFrame,
    progress: Progress = no_progress,
) -> dict[Readout, NDArray[np.float32]]:
    """Readouts [distinct sets, prompts] in the order of ``rows``."""
    readouts: tuple[Readout, ...] = (trial.spec.readout,)
    if trial.spec.readout == "contrast":
        readouts = (*readouts, "candidates")
    # References are of both splits, as in the scan: means and donors are the same.
    donors = prompts[prompts["task"] == trial.spec.reference].assign(task=_REFERENCE)
    batches = list(batches_of(pd.concat([rows, donors]), trial.task, _REFERENCE))
    asked = sum(len(batch.tokens) for _, batch in batches)

    def ablated(batch: Batch) -> dict[Readout, NDArray[np.float32]]:
        values = ablate_sets(anatomy, batch, trial.distinct, ablation, readouts, chunk)
        progress(trial.task, len(trial.distinct) * len(batch.tokens) / asked)
        return values

    measured = by_prompt(batches, ablated)
    names = [" ".join(head_names(heads)) for heads in trial.distinct]
    what = f"the model under {trial.kind} ablation"
    check_finite(trial.task, what, measured, [f"set {name or 'without heads'}" for name in names])
    return measured


def _spec(tasks: Tasks, task: str) -> TaskSpec:
    if task not in tasks.root:
        raise CircuitScalingError(
            f"'ablation' names the task '{task}', which is not configured. There are: "
            f"{', '.join(tasks.root)}."
        )
    return tasks.root[task]


def _of_all_heroes(sets: Sequence[HeadSet]) -> Iterator[HeadSet]:
    """The clean run, most heroes of all categories, and what these are compared with."""
    most = dict(largest(sets)).get("hero_joint")
    for chosen in sets:
        owner = chosen.matched_to or chosen.set_type
        compared = owner in ("hero_joint", "unmatched", "weakest")
        if owner == "clean" or (compared and chosen.k == most):
            yield chosen


def _table(
    trial: Trial, measured: dict[Readout, NDArray[np.float32]], n_prompts: int, n_clusters: int
) -> pd.DataFrame:
    """Rows of the trials table, one per set."""
    metric = measured[trial.spec.readout]
    place = {heads: i for i, heads in enumerate(trial.distinct)}
    clean = metric[place[()]]
    effects = metric - clean
    right = measured.get("candidates")
    means, diffs = (values.mean(axis=1, dtype=np.float64) for values in (metric, effects))
    nothing = np.empty(0, np.float32)
    rows = []
    for chosen in trial.sets:
        at = None if chosen.reason else place[chosen.heads]
        correct = nothing if at is None or right is None else right[at]
        rows.append(
            {
                "set_type": chosen.set_type,
                "matched_to": chosen.matched_to,
                "k": chosen.k,
                "draw": chosen.draw,
                "layers": [layer for layer, _ in chosen.heads],
                "heads": [head for _, head in chosen.heads],
                "mean_metric": np.nan if at is None else means[at],
                "mean_diff": np.nan if at is None else diffs[at],
                "accuracy": float(correct.mean(dtype=np.float64)) if correct.size else np.nan,
                "n_prompts": 0 if at is None else n_prompts,
                "n_clusters": 0 if at is None else n_clusters,
                "effects": nothing if at is None else effects[at],
                "correct": correct,
                "reason": chosen.reason,
            }
        )
    return pd.DataFrame(rows).assign(
        task=trial.task,
        readout=trial.spec.readout,
        ablation=trial.kind.ablation,
        positions=trial.kind.positions,
        clean_metric=float(clean.mean(dtype=np.float64)),
    )
