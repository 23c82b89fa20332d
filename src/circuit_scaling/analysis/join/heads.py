"""Lay one model's scan out by head: the tables that everything downstream reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.statistics.agreement import spearman
from circuit_scaling.statistics.categories import categorise
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.tables.columns import HEAD_KEYS, PROFILE_COLUMNS
from circuit_scaling.tables.join import ABLATION_AGREEMENT
from circuit_scaling.vocabulary import STUDY_TASKS

_HEAD = list(HEAD_KEYS)


@dataclass(frozen=True)
class JointTables:
    """One model's part of the joined tables."""

    joint_heads: pd.DataFrame
    joint_effects: pd.DataFrame
    ablation_agreement: pd.DataFrame


def join_model(
    entry: RosterEntry,
    settings: ScanSettings,
    tau: float,
    prompts: pd.DataFrame,
    effects: pd.DataFrame,
    profiles: pd.DataFrame,
) -> JointTables:
    """Join effects, profiles and prompts of one model.

    ``joint_heads`` has a row per head with ``delta_<task>`` and ``se_<task>`` on all prompts and
    ``delta_<task>_select`` and ``_test`` on each side of the split, under the primary ablation.
    ``joint_effects`` has the mean effect of each head on each cluster.
    """
    primary = effects[_is(effects, settings.primary)]
    return JointTables(
        _joint_heads(entry, prompts, primary, profiles),
        pd.concat(_cluster_effects(prompts, primary), ignore_index=True),
        _agreement_table(effects, settings, tau),
    )


def _is(effects: pd.DataFrame, kind: AblationKind) -> pd.Series:
    return (effects["ablation"] == kind.ablation) & (effects["positions"] == kind.positions)


def _joint_heads(
    entry: RosterEntry, prompts: pd.DataFrame, primary: pd.DataFrame, profiles: pd.DataFrame
) -> pd.DataFrame:
    heads = profiles[[*_HEAD, "n_layers", "n_heads"]].copy()
    heads["n_layers"] = heads["n_layers"].astype(float)
    heads["n_heads"] = heads["n_heads"].astype(float)
    heads.insert(2, "params_m", entry.params_m)
    for task, rows in _by_task(primary):
        columns = rows[_HEAD].copy()
        columns[f"delta_{task}"] = rows["delta"]
        columns[f"se_{task}"] = rows["se"]
        split = prompts.loc[prompts["task"] == task, "split"].to_numpy()
        values = np.stack(rows["effects"].to_list())
        for side in ("select", "test"):
            columns[f"delta_{task}_{side}"] = values[:, split == side].mean(axis=1, dtype=float)
        if task in STUDY_TASKS:
            columns[f"q_{task}"] = rows["q"]
        heads = heads.merge(columns, on=_HEAD, how="left", validate="one_to_one")
    heads = heads.merge(
        profiles[[*_HEAD, *PROFILE_COLUMNS]], on=_HEAD, how="left", validate="one_to_one"
    )
    heads["suspect"] = ""
    heads["bos"] = pd.Series(bool(prompts["bos"].iloc[0]), index=heads.index, dtype="boolean")
    heads["revision"] = prompts["revision"].iloc[0]
    heads["fingerprint"] = primary["fingerprint"].iloc[0]
    return heads


def _by_task(effects: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for task, rows in effects.groupby("task", sort=False):
        yield str(task), rows


def _cluster_effects(prompts: pd.DataFrame, primary: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for task, rows in _by_task(primary):
        of_task = prompts[prompts["task"] == task]
        totals = cluster_totals(np.stack(rows["effects"].to_list()), of_task["cluster"].to_numpy())
        labels = np.asarray(totals.labels, dtype=object)
        sides = of_task.drop_duplicates("cluster").set_index("cluster")["split"]
        yield (
            rows[_HEAD]
            .loc[rows.index.repeat(len(labels))]
            .assign(
                task=task,
                cluster=np.tile(labels, len(rows)),
                split=np.tile(sides.loc[labels].to_numpy(), len(rows)),
                effect=(totals.sums / totals.n_prompts).ravel(),
                n_prompts=np.tile(totals.n_prompts.astype(int), len(rows)),
            )
        )


def _agreement_table(effects: pd.DataFrame, settings: ScanSettings, tau: float) -> pd.DataFrame:
    rows = list(_agreement(effects, settings, tau))
    return pd.DataFrame(rows) if rows else ABLATION_AGREEMENT.empty()


def _agreement(
    effects: pd.DataFrame, settings: ScanSettings, tau: float
) -> Iterator[dict[str, object]]:
    """Rank correlation and category changes between every two kinds of ablation."""
    kinds = settings.kinds(next(iter(settings.agreement_tasks), ""))
    wide = {
        (kind, task): rows.sort_values(["layer", "head"])["delta"].to_numpy()
        for kind in kinds
        for task, rows in effects[_is(effects, kind)].groupby("task")
    }
    categories = {
        kind: categorise(wide[kind, "ioi"], wide[kind, "anti_names"], tau)
        for kind in kinds
        if all((kind, task) in wide for task in STUDY_TASKS)
    }
    first = effects.iloc[0]
    for a, b in combinations(kinds, 2):
        changes = (
            float((categories[a] != categories[b]).sum())
            if a in categories and b in categories
            else np.nan
        )
        for task in settings.agreement_tasks:
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
