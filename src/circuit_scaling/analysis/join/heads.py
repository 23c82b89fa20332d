"""Lay one model's scan out by head: the tables that everything downstream reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from circuit_scaling.analysis.join.agreement import is_of_kind
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.tables.columns import HEAD_KEYS, PROFILE_COLUMNS
from circuit_scaling.vocabulary import STUDY_TASKS

_HEAD = list(HEAD_KEYS)


@dataclass(frozen=True)
class JointTables:
    """One model's part of the joined tables."""

    joint_heads: pd.DataFrame
    joint_effects: pd.DataFrame


def join_model(
    params_m: float,
    settings: ScanSettings,
    prompts: pd.DataFrame,
    effects: pd.DataFrame,
    profiles: pd.DataFrame,
) -> JointTables:
    """Join effects, profiles and prompts of one model of ``params_m`` million weights.

    ``joint_heads`` has a row per head with ``delta_<task>`` on all prompts, its standard error
    ``se_<task>``, its 95 % interval from ``low_<task>`` to ``high_<task>``, and
    ``se_templates_<task>``, what its standard error would be if templates were a sample; and
    ``delta_<task>_select`` and ``_test`` on each side of the split, under the primary ablation.
    ``q_<task>`` is Benjamini-Hochberg over all heads on both of the study's tasks.
    ``joint_effects`` has the mean effect of each head on each cluster.
    """
    primary = effects[is_of_kind(effects, settings.primary)].copy()
    studied = primary["task"].isin(STUDY_TASKS)
    if primary.loc[studied, "q"].isna().any():  # another task than usual feeds a column
        primary.loc[studied, "q"] = q_values(primary.loc[studied, "p"].to_numpy())
    return JointTables(
        _joint_heads(params_m, prompts, primary, profiles),
        pd.concat(_cluster_effects(prompts, primary), ignore_index=True),
    )


def _joint_heads(
    params_m: float, prompts: pd.DataFrame, primary: pd.DataFrame, profiles: pd.DataFrame
) -> pd.DataFrame:
    heads = profiles[[*_HEAD, "n_layers", "n_heads"]].copy()
    heads["n_layers"] = heads["n_layers"].astype(float)
    heads["n_heads"] = heads["n_heads"].astype(float)
    heads.insert(2, "params_m", params_m)
    for task, rows in _by_task(primary):
        columns = rows[_HEAD].copy()
        columns[f"delta_{task}"] = rows["delta"]
        columns[f"se_{task}"] = rows["se"]
        columns[f"low_{task}"], columns[f"high_{task}"] = rows["low"], rows["high"]
        columns[f"se_templates_{task}"] = rows["se_templates"]
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
