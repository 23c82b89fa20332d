"""Where the kinds of ablation agree: how they rank the heads of one model, and sort them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.statistics.agreement import spearman
from circuit_scaling.statistics.categories import categorise
from circuit_scaling.tables.join import ABLATION_AGREEMENT
from circuit_scaling.vocabulary import STUDY_TASKS


def ablation_agreement(effects: pd.DataFrame, settings: ScanSettings, tau: float) -> pd.DataFrame:
    """A row per task and pair of kinds of ablation of one model's ``head_effects``.

    ``spearman`` is the rank correlation of the heads' effects, ``category_changes`` the number of
    heads whose category at ``tau`` is another one.
    """
    rows = list(_agreement(on_equal_terms(effects), settings, tau))
    return pd.DataFrame(rows) if rows else ABLATION_AGREEMENT.empty()


def _agreement(
    effects: pd.DataFrame, settings: ScanSettings, tau: float
) -> Iterator[dict[str, object]]:
    """Rank correlation and category changes between every two kinds of ablation."""
    kinds = settings.kinds(next(iter(settings.agreement_tasks), ""))
    wide = {
        (kind, task): rows.sort_values(["layer", "head"])["delta"].to_numpy()
        for kind in kinds
        for task, rows in effects[is_of_kind(effects, kind)].groupby("task")
    }
    categories = {
        kind: categorise(wide[kind, "ioi"], wide[kind, "anti_names"], tau)
        for kind in kinds
        if all((kind, task) in wide for task in STUDY_TASKS)
    }
    first, tasks = effects.iloc[0], effects["task"].unique()
    for a, b in combinations(kinds, 2):
        changes = (
            float((categories[a] != categories[b]).sum())
            if a in categories and b in categories
            else np.nan
        )
        for task in tasks:
            if (a, task) not in wide or (b, task) not in wide:
                continue
            yield {
                "family": first["family"],
                "model": first["model"],
                "task": task,
                "ablation_a": a.ablation,
                "positions_a": a.positions,
                "ablation_b": b.ablation,
                "positions_b": b.positions,
                "n_heads_compared": len(wide[a, task]),
                "spearman": spearman(wide[a, task], wide[b, task]),
                "category_changes": changes if task in STUDY_TASKS else np.nan,
            }


def on_equal_terms(effects: pd.DataFrame) -> pd.DataFrame:
    """The effects table with means over the prompts of a task on which all was measured.

    Of every head under every kind of ablation. Where nothing is missing, that is what it holds.
    """
    found = effects.copy()
    for _, rows in effects.groupby("task"):
        values = np.stack(rows["effects"].to_list())
        measured = np.isfinite(values)
        if not measured.all():
            on_all = values[:, measured.all(axis=0)]
            found.loc[rows.index, "delta"] = on_all.mean(axis=1, dtype=float)
            found.loc[rows.index, "n_prompts"] = on_all.shape[1]
    return found


def is_of_kind(effects: pd.DataFrame, kind: AblationKind) -> pd.Series:
    """Which rows were measured under one kind of ablation."""
    return (effects["ablation"] == kind.ablation) & (effects["positions"] == kind.positions)
