"""The heads of each model with their effects on clusters, from ``joint_effects``."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from circuit_scaling.statistics.clusters import ClusterTotals, cluster_totals

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
