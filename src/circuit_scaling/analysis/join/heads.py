"""Lay one model's scan out by head: the tables that everything downstream reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.analysis.join.agreement import is_of_kind
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.prompts.prompt import SPLITS
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.statistics.two_phase import two_phase_means
from circuit_scaling.tables.columns import HEAD_KEYS, PROFILE_COLUMNS
from circuit_scaling.vocabulary import STUDY_TASKS

_HEAD = list(HEAD_KEYS)
_MIN_CLUSTERS = 3  # that a slope needs


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
    ``q_<task>`` is Benjamini-Hochberg over all heads on both of the study's tasks, and
    ``n_prompts_<task>`` the number of prompts that a head was ablated on. ``joint_effects`` has the
    mean effect of each head on each cluster, of the prompts that all heads were ablated on.
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
        of_task = prompts[prompts["task"] == task]
        split = of_task["split"].to_numpy()
        for side in SPLITS:
            columns[f"delta_{task}_{side}"] = _mean_on(rows, of_task, split == side)
        columns[f"n_prompts_{task}"] = rows["n_prompts"].astype(float)
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


def _mean_on(
    rows: pd.DataFrame, prompts: pd.DataFrame, side: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Mean effect of each head of ``rows`` on one side of the split, as the scan estimates it."""
    values = np.stack(rows["effects"].to_list())
    if np.isfinite(values).all():
        found: NDArray[np.float64] = values[:, side].mean(axis=1, dtype=float)
        return found
    clusters, mean = prompts["cluster"].to_numpy(), np.full(len(rows), np.nan)
    scores = np.stack(rows["attributions"].to_list())
    # Heads that were measured on equally many prompts were measured on the same.
    for n_prompts in rows["n_prompts"].unique():
        heads = (rows["n_prompts"] == n_prompts).to_numpy()
        measured = side & np.isfinite(values[heads]).all(axis=0)
        if len(set(clusters[measured])) < _MIN_CLUSTERS:  # of a file a side may be that small
            if measured.any():
                mean[heads] = values[heads][:, measured].mean(axis=1, dtype=float)
            continue
        estimates, _ = two_phase_means(
            cluster_totals(values[heads][:, measured], clusters[measured]),
            cluster_totals(scores[heads][:, measured], clusters[measured]),
            cluster_totals(scores[heads][:, side], clusters[side]),
        )
        mean[heads] = estimates.mean
    return mean


def _cluster_effects(prompts: pd.DataFrame, primary: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for task, rows in _by_task(primary):
        of_task = prompts[prompts["task"] == task]
        values = np.stack(rows["effects"].to_list())
        on_all = np.isfinite(values).all(axis=0)
        totals = cluster_totals(values[:, on_all], of_task["cluster"].to_numpy()[on_all])
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
