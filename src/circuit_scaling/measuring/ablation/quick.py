"""``circuit_scaling.ablate``: named sets of heads, each ablated together, on one task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.interventions.replay.request_checks import check_heads
from circuit_scaling.measuring.ablation.sets import HeadSet
from circuit_scaling.measuring.ablation.trials import SPLIT, Trial, measure_sets
from circuit_scaling.measuring.scan.quick import settings_of
from circuit_scaling.measuring.shared.asked_tasks import AskedTask, asked_tasks
from circuit_scaling.measuring.shared.unlisted import Unlisted, opened_unlisted
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.means import cluster_means

Heads = pd.DataFrame | Sequence[Head]
"""The heads of one model: a table with the columns ``layer`` and ``head``, or pairs of both."""


def quick_ablate(
    asked: Unlisted,
    sets: Mapping[str, Heads],
    task: AskedTask,
    kind: tuple[str, str],
    n_prompts: int,
    split: Literal["test", "all"],
) -> pd.DataFrame:
    """See :func:`circuit_scaling.ablate`."""
    tasks = asked_tasks(task)
    ((name, spec),) = tasks.specs.items()
    if split not in (SPLIT, "all"):
        raise CircuitScalingError(f"Unknown split '{split}'. There are: {SPLIT}, all.")
    settings = settings_of(kind)
    chosen = {of: _heads_of(of, heads) for of, heads in sets.items()}
    if not chosen:
        raise CircuitScalingError("Name at least one set of heads: {'these': [(layer, head)]}.")
    clean = HeadSet("clean", 0, ())
    trial = Trial(
        name,
        spec,
        settings.primary,
        (clean, *(HeadSet(of, len(heads), heads) for of, heads in chosen.items())),
    )
    ablation = Ablation(*kind, draws=settings.draws, seed=settings.seed)  # type: ignore[arg-type]
    with opened_unlisted(asked, tasks.built, n_prompts) as model:
        for heads in chosen.values():
            check_heads(model.anatomy, heads)
        rows = model.prompts[model.prompts["task"] == name]
        if split == SPLIT:
            rows = rows[rows["split"] == SPLIT]
        if rows.empty:
            raise CircuitScalingError(f"Task '{name}' has no '{SPLIT}' prompts: raise n_prompts.")
        found = measure_sets(model.anatomy, model.chunk, trial, ablation, model.prompts, rows)
    metric = found[spec.readout]
    place = {heads: i for i, heads in enumerate(trial.distinct)}
    of_set = metric[[place[heads] for heads in chosen.values()]]
    untouched = metric[place[()]]
    effects = of_set - untouched
    means = cluster_means(cluster_totals(effects, rows["cluster"].to_numpy()))
    answered = spec.readout == "contrast"
    return pd.DataFrame(
        {
            "set": list(chosen),
            "n_heads": [len(heads) for heads in chosen.values()],
            "delta": means.mean,
            "se": means.se,
            "low": means.low,
            "high": means.high,
            "p": means.p,
            "clean_metric": untouched.mean(dtype=np.float64),
            "metric": of_set.mean(axis=1, dtype=np.float64),
            "clean_accuracy": (untouched > 0).mean() if answered else np.nan,
            "accuracy": (of_set > 0).mean(axis=1) if answered else np.nan,
            "effects": list(effects),
        }
    )


def _heads_of(name: str, given: Heads) -> tuple[Head, ...]:
    """The heads of a set, each once and sorted.

    Raises:
        CircuitScalingError: they are no heads, or those of several models.
    """
    if isinstance(given, pd.DataFrame):
        if "model" in given and given["model"].nunique() > 1:
            raise CircuitScalingError(
                f"Set '{name}' has heads of several models: choose those of the model that is "
                "ablated."
            )
        if not {"layer", "head"} <= set(given):
            raise CircuitScalingError(f"Set '{name}' has no columns 'layer' and 'head'.")
        given = list(zip(given["layer"], given["head"], strict=True))
    try:
        return tuple(sorted({(int(layer), int(head)) for layer, head in given}))
    except (TypeError, ValueError) as error:
        raise CircuitScalingError(
            f"Set '{name}' is no set of heads: give pairs of layer and head, such as [(3, 1)]."
        ) from error
