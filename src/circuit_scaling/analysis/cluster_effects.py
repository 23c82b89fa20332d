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
    their errors do. Where the table has more than means over them (heads that were settled, each
    on its own prompts and corrected by scores on all), draws lie around its effects, and nearer by
    the ratio of the standard errors. Those of one side are then drawn from both, which alone may
    have too few clusters, and widened as its clusters are fewer.

    Args:
        effects: the model's rows of ``joint_effects``.
        split: only of this side.
    """
    of_side = effects if split is None else effects[effects["split"] == split]
    if not any(_corrected(effects, heads, task) for task in tasks):
        return bootstrap_draws([task_totals(of_side, heads, t) for t in tasks], rng, n_boot)
    totals = [task_totals(effects, heads, task) for task in tasks]
    draws = bootstrap_draws(totals, rng, n_boot)
    side = "" if split is None else f"_{split}"
    return [
        heads[f"delta_{task}{side}"].to_numpy()
        + (drawn - every.mean) * _nearer(every, heads, task) * _wider(every, of_side, task)
        for task, drawn, every in zip(tasks, draws, totals, strict=True)
    ]


def _corrected(effects: pd.DataFrame, heads: pd.DataFrame, task: str) -> bool:
    """Whether effects of the table are more than means over the clusters that all heads have.

    So it is of heads that were settled, even where all of them were ablated on the same prompts.
    """
    name = f"n_prompts_{task}"
    if name not in heads:
        return False
    if heads[name].nunique() > 1:
        return True
    mean = task_totals(effects, heads, task).mean
    delta = heads[f"delta_{task}"].to_numpy(dtype=np.float64)
    return not np.allclose(delta, mean, rtol=1e-5, atol=1e-6)


def _nearer(every: ClusterTotals, heads: pd.DataFrame, task: str) -> NDArray[np.float64]:
    """Standard errors of the table over those on the clusters that all heads have: [heads]."""
    common = cluster_means(every).se
    error = heads[f"se_{task}"].to_numpy(dtype=np.float64)
    ratio: NDArray[np.float64] = np.divide(
        error, common, out=np.ones_like(common), where=common > 0
    )
    return ratio


def _wider(every: ClusterTotals, of_side: pd.DataFrame, task: str) -> float:
    """How many times the error on all clusters that on the clusters of one side is."""
    of_task = of_side[of_side["task"] == task].drop_duplicates("cluster")
    return float(np.sqrt(every.n_prompts.sum() / of_task["n_prompts"].sum()))
