"""The heads of two runs: whose effect moved, and whose category is another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.compare.runs import HEADS, Run
from circuit_scaling.statistics.clusters import MIN_CLUSTERS
from circuit_scaling.statistics.means import ClusterMeans
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.statistics.two_runs import (
    chance_of_another_category,
    independent_differences,
    paired_differences,
)
from circuit_scaling.vocabulary import ALPHA, STUDY_TASKS

KEYS = ["model", "layer", "head"]
_SIDES = ("_select", "_test")
_Tables = tuple[pd.DataFrame | None, pd.DataFrame | None]
_Clusters = tuple[pd.DataFrame, pd.Series]
"""Mean effects [heads, clusters], and how many prompts a cluster has."""
_TAU = "classify.tau"


@dataclass(frozen=True)
class Heads:
    """What became of the heads that both runs have.

    Attributes:
        effects: a row per task and head: ``delta_a``, ``delta_b``, ``difference`` (b - a) with
            ``low``, ``high`` and ``q`` over the heads and tasks of a model; ``paired``: over the
            same clusters of prompts.
        categories: a row per head whose category is another; ``resolved_a``, ``resolved_b``.
        models: a row per model: heads, how many moved (q < 0.05) and how many changed category,
            beside how many would by noise alone (missing where the noise is not known).
        tau: of run A, and of run B; None where a run does not say.
    """

    effects: pd.DataFrame
    categories: pd.DataFrame
    models: pd.DataFrame
    tau: tuple[float | None, float | None]

    @property
    def identical(self) -> bool:
        """Whether every effect and every category is exactly the same in both."""
        same = (self.effects["delta_a"] == self.effects["delta_b"]).all()
        return bool(same) and self.categories.empty


def compare_heads(a: Run, b: Run) -> Heads | None:
    """All heads that both runs have; None where one of them has no table of heads."""
    of_a, of_b = _table_of_heads(a), _table_of_heads(b)
    if of_a is None or of_b is None:
        return None
    both = of_a.merge(of_b, on=KEYS, suffixes=("_a", "_b"))
    tasks = _tasks(of_a, of_b)
    clusters = a.table("joint_effects"), b.table("joint_effects")
    effects = pd.DataFrame(columns=[*KEYS, "family", "task", "delta_a", "delta_b", "q", "se"])
    frames = [
        frame.assign(q=q_values(frame["p"].to_numpy()))
        for _, rows in both.groupby("model", sort=False)
        if not (frame := _effects(rows, tasks, clusters)).empty
    ]
    if frames:
        effects = pd.concat(frames, ignore_index=True)
    tau = (_tau(a), _tau(b))
    models = [
        _of_model(str(m), rows, effects, tau[0]) for m, rows in both.groupby("model", sort=False)
    ]
    return Heads(effects, _changed(both), pd.DataFrame(models), tau)


def _table_of_heads(run: Run) -> pd.DataFrame | None:
    return next((t for name in HEADS if (t := run.table(name)) is not None), None)


def _tau(run: Run) -> float | None:
    found = run.made_with(HEADS[0]).get(_TAU)
    return None if found is None else float(found)


def _tasks(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    """The tasks whose effects both tables have."""
    return [
        name.removeprefix("delta_")
        for name in a.columns
        if name in b.columns and name.startswith("delta_") and not name.endswith(_SIDES)
    ]


def _effects(rows: pd.DataFrame, tasks: list[str], clusters: _Tables) -> pd.DataFrame:
    """The effects of one model's heads on every task."""
    return pd.concat([_on_task(rows, task, clusters) for task in tasks], ignore_index=True)


def _on_task(rows: pd.DataFrame, task: str, clusters: _Tables) -> pd.DataFrame:
    rows = rows[rows[[f"delta_{task}_a", f"delta_{task}_b"]].notna().all(axis=1)]
    a, b = (rows[f"delta_{task}_{run}"].to_numpy(float) for run in "ab")
    first, second = (_by_cluster(table, rows, task) for table in clusters)
    found = _paired(first, second)
    paired = found is not None
    # Of heads that were settled, effects are of more than the clusters that all heads have.
    difference = b - a if found is None else found.mean
    if found is None:
        se_a, se_b = (_errors(rows, f"se_{task}_{run}") for run in "ab")
        counted = [len(part[1]) for part in (first, second) if part is not None]
        known = bool((np.isfinite(se_a) & np.isfinite(se_b)).any())
        # Errors without clusters, as an imported table may have them, are of the fewest there are.
        n_clusters = min(counted) if counted else MIN_CLUSTERS * known
        found = independent_differences(a, b, se_a, se_b, n_clusters)
    return rows[KEYS].assign(
        family=rows["family_b"],
        task=task,
        delta_a=a,
        delta_b=b,
        difference=difference,
        se=found.se,
        low=found.low,
        high=found.high,
        p=found.p,
        paired=paired,
    )


def _errors(rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
    if column not in rows:
        return np.full(len(rows), np.nan)
    return rows[column].to_numpy(float)


def _by_cluster(table: pd.DataFrame | None, rows: pd.DataFrame, task: str) -> _Clusters | None:
    """The effects by cluster, in the order of ``rows``; None where there are none."""
    if table is None or rows.empty:
        return None
    own = table[(table["model"] == rows["model"].iloc[0]) & (table["task"] == task)]
    if own.empty:
        return None
    wide = own.pivot(index=["layer", "head"], columns="cluster", values="effect")
    wide = wide.reindex(pd.MultiIndex.from_frame(rows[["layer", "head"]]))
    return wide, own.groupby("cluster")["n_prompts"].first()


def _paired(first: _Clusters | None, second: _Clusters | None) -> ClusterMeans | None:
    """Differences over the same clusters; None where the runs have other ones, or effects lack."""
    if first is None or second is None or list(first[0].columns) != list(second[0].columns):
        return None
    a, b = (part[0].to_numpy(float) for part in (first, second))
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    return paired_differences(a, b, first[1].to_numpy(), second[1].to_numpy())


def _changed(both: pd.DataFrame) -> pd.DataFrame:
    """Heads whose category is another."""
    columns = ["category_a", "category_b", "resolved_a", "resolved_b"]
    if not set(columns) <= set(both.columns):
        return pd.DataFrame(columns=[*KEYS, *columns])
    changed = both["category_a"] != both["category_b"]
    return both.loc[changed, [*KEYS, *columns]].reset_index(drop=True)


def _of_model(
    model: str, rows: pd.DataFrame, effects: pd.DataFrame, tau: float | None
) -> dict[str, object]:
    own = effects[effects["model"] == model]
    changed = _changed(rows)
    on_study = own[own["task"].isin(STUDY_TASKS)]
    resolved = changed[["resolved_a", "resolved_b"]].fillna(False).astype(bool).all(axis=1)
    return {
        "model": model,
        "heads": len(rows),
        "effects": len(own),
        "moved": int((own["q"] < ALPHA).sum()) if own["q"].notna().any() else None,
        "moved_heads": len(own.loc[own["q"] < ALPHA, KEYS].drop_duplicates()),
        "largest": own["difference"].abs().max() if len(own) else np.nan,
        "paired": bool(len(own)) and bool(own["paired"].all()),
        "changed": len(changed),
        "expected": np.nan if tau is None else _expected(on_study, tau),
        "changed_resolved": int(resolved.sum()),
    }


def _expected(effects: pd.DataFrame, tau: float) -> float:
    """How many heads would change category by noise; NaN where that is not known of all."""
    if set(effects["task"]) != set(STUDY_TASKS):
        return np.nan
    keys = {"index": KEYS, "columns": "task"}
    mean = effects.assign(mean=(effects["delta_a"] + effects["delta_b"]) / 2)
    tables = [mean.pivot(values=name, **keys)[[*STUDY_TASKS]] for name in ("mean", "se")]
    means, errors = (table.to_numpy(float).T for table in tables)
    return float(chance_of_another_category(means, errors, tau).sum())


def moved(effects: pd.DataFrame) -> Iterator[pd.Series]:
    """The effects that moved, the largest differences first."""
    found = effects[effects["q"] < ALPHA]
    order = found["difference"].abs().sort_values(ascending=False, kind="stable").index
    yield from (row for _, row in found.loc[order].iterrows())
