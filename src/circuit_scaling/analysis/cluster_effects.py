"""The heads of each model with their effects on clusters, from ``joint_effects``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.statistics.bootstrap import bootstrap_draws
from circuit_scaling.statistics.clusters import ClusterTotals, cluster_totals
from circuit_scaling.statistics.means import cluster_means

_MODEL = ["family", "model"]


def with_effects(
    heads: pd.DataFrame, effects: pd.DataFrame
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Heads and cluster effects of each model, in the order of ``heads``; effects may be none."""
    found = {names: rows for names, rows in effects.groupby(_MODEL, sort=False)}
    for names, of_model in heads.groupby(_MODEL, sort=False):
        yield of_model, found.get(names, effects.iloc[:0])


def task_totals(effects: pd.DataFrame, heads: pd.DataFrame, task: str) -> ClusterTotals:
    """Cluster effects of a task on one model's heads, in the order of ``heads``.

    ``effects`` are the model's rows of ``joint_effects``.
    """
    of_task = effects[effects["task"] == task]
    wide = of_task.pivot(index=["layer", "head"], columns="cluster", values="effect")
    n_prompts = of_task.drop_duplicates("cluster").set_index("cluster")["n_prompts"]
    order = pd.MultiIndex.from_frame(heads[["layer", "head"]])
    return cluster_totals(
        wide.loc[order].to_numpy(), wide.columns.to_numpy(), n_prompts[wide.columns].to_numpy()
    )


def effect_draws(
    effects: pd.DataFrame,
    heads: pd.DataFrame,
    tasks: Sequence[str],
    rng: np.random.Generator,
    n_boot: int,
    split: str | None = None,
) -> list[NDArray[np.float64]]:
    """Bootstrap draws of the effects of one model's heads, [draws, heads] for each task.

    Clusters are drawn from those that all heads have, so that heads go together in every draw as
    their errors do. Heads that were measured on further prompts have smaller errors: their draws
    lie around the effects of the table, and nearer by the ratio of the standard errors.

    Args:
        effects: the model's rows of ``joint_effects``.
        split: only of this side.
    """
    of_side = effects if split is None else effects[effects["split"] == split]
    totals = [task_totals(of_side, heads, task) for task in tasks]
    draws = bootstrap_draws(totals, rng, n_boot)
    if all(measured_alike(heads, task) for task in tasks):
        return draws
    side = "" if split is None else f"_{split}"
    return [
        heads[f"delta_{task}{side}"].to_numpy()
        + (drawn - of_task.mean) * _nearer(effects, heads, task)
        for task, drawn, of_task in zip(tasks, draws, totals, strict=True)
    ]


def measured_alike(heads: pd.DataFrame, task: str) -> bool:
    """Whether all heads of a model were ablated on the same prompts of a task."""
    name = f"n_prompts_{task}"
    return name not in heads or bool(heads[name].nunique() <= 1)


def _nearer(effects: pd.DataFrame, heads: pd.DataFrame, task: str) -> NDArray[np.float64]:
    """Standard errors of the table over those on the clusters that all heads have: [heads]."""
    common = cluster_means(task_totals(effects, heads, task)).se
    error = heads[f"se_{task}"].to_numpy(dtype=np.float64)
    ratio: NDArray[np.float64] = np.divide(
        error, common, out=np.ones_like(common), where=common > 0
    )
    return ratio
