"""What the order of names alone does: the same heads on both forms of anti-repetition."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from circuit_scaling.analysis.cluster_effects import task_totals, with_effects
from circuit_scaling.statistics.categories import categorise
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.means import cluster_means
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.tables.classify import NAME_ORDER
from circuit_scaling.tables.columns import HEAD_KEYS
from circuit_scaling.vocabulary import NAMES_IN_ORDER


def name_order(heads: pd.DataFrame, effects: pd.DataFrame, tau: float) -> pd.DataFrame:
    """A row per head: its effect where either name is repeated, and where always the first is.

    ``difference`` is the second effect minus the first, paired by the pairs of names that both
    tasks have; what only follows the order of the names cancels in the first. q is
    Benjamini-Hochberg over the model's heads. ``category_first`` is the category that the study's
    form would give.

    Args:
        heads: ``joint_heads``; models without ``delta_anti_names_first`` are left out.
        effects: ``joint_effects``.
    """
    if f"delta_{NAMES_IN_ORDER}" not in heads:
        return NAME_ORDER.empty()
    found = [
        rows
        for of_model, of_clusters in with_effects(heads, effects)
        for rows in _of_model(of_model, of_clusters, tau)
    ]
    return pd.concat(found, ignore_index=True) if found else NAME_ORDER.empty()


def _of_model(heads: pd.DataFrame, effects: pd.DataFrame, tau: float) -> Iterator[pd.DataFrame]:
    either, first = (
        task_totals(effects, heads, task) if (effects["task"] == task).any() else None
        for task in ("anti_names", NAMES_IN_ORDER)
    )
    if either is None or first is None:
        return
    shared = sorted(set(either.labels) & set(first.labels))
    here, there = (
        (totals.sums / totals.n_prompts)[:, [totals.labels.index(label) for label in shared]]
        for totals in (either, first)
    )
    if not shared:
        return
    means = cluster_means(cluster_totals(there - here, shared))
    delta_ioi = heads["delta_ioi"].to_numpy()
    yield heads[list(HEAD_KEYS)].assign(
        delta_anti_names=heads["delta_anti_names"],
        delta_anti_names_first=heads[f"delta_{NAMES_IN_ORDER}"],
        difference=means.mean,
        low=means.low,
        high=means.high,
        q=q_values(means.p) if np.isfinite(means.p).all() else np.nan,
        n_clusters=len(shared),
        category=categorise(delta_ioi, heads["delta_anti_names"].to_numpy(), tau),
        category_first=categorise(delta_ioi, heads[f"delta_{NAMES_IN_ORDER}"].to_numpy(), tau),
    )
