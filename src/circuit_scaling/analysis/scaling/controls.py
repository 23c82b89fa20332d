"""Control models: do models that never learnt a task show heads of that job?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from circuit_scaling.analysis.cluster_effects import task_totals
from circuit_scaling.statistics.clusters import MIN_CLUSTERS
from circuit_scaling.statistics.means import cluster_means
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.tables.scaling import CONTROL_MODELS
from circuit_scaling.vocabulary import ALPHA, NAMES_IN_ORDER

IN_ORDER: Mapping[str, str] = {"anti_names": NAMES_IN_ORDER}
"""Task -> prompts that look like it, where the order of the names alone has the answer."""


def control_models(
    classified: pd.DataFrame,
    effects: pd.DataFrame,
    competence: pd.DataFrame,
    untaught: Iterable[tuple[str, str]],
    tau: float,
) -> pd.DataFrame:
    """A row per model and task that it never learnt, with the heads that seem to do that job.

    In ``anti_names_first`` the answer is always the second name. A model that answers at random
    between the two has heads for either, which shift the contrast without knowing who was repeated;
    in ``anti_names`` they cancel. The job is judged there, and what shows where order alone has the
    answer stands beside it.

    Args:
        classified: ``classified_heads``.
        effects: ``joint_effects``.
        competence: the clean metric of each model and task.
        untaught: (model, task) pairs; those that are not in the tables are left out.
        tau: logits; from there on a head is strong.

    Returns:
        ``n_significant`` counts heads with a Benjamini-Hochberg q below 0.05 among the model's
        heads on these prompts alone. How often there is any by chance is in ``docs/coverage.md``.
        Missing where clusters are not known, or fewer than ten.
    """
    rows = []
    for model, task in untaught:
        heads = classified[classified["model"] == model]
        if heads.empty:
            continue
        for prompts in dict.fromkeys((task, IN_ORDER.get(task, task))):
            clean = competence[(competence["model"] == model) & (competence["task"] == prompts)]
            delta = f"delta_{prompts}"
            if clean.empty or delta not in heads or heads[delta].isna().any():
                continue
            rows.append(
                {
                    "family": heads["family"].iloc[0],
                    "model": model,
                    "task": prompts,
                    "order_balanced": prompts == task,
                    **clean.iloc[0][["clean_metric", "low", "high", "competent"]],
                    "n_heads_total": len(heads),
                    "n_significant": _significant(heads, effects, prompts),
                    "n_strong": int(heads[delta].abs().ge(tau).sum()),
                    "strongest": float(heads[delta].abs().max()),
                }
            )
    if not rows:
        return CONTROL_MODELS.empty()
    return pd.DataFrame(rows).astype({"competent": "boolean"})


def _significant(heads: pd.DataFrame, effects: pd.DataFrame, task: str) -> float:
    measured = effects[(effects["model"] == heads["model"].iloc[0]) & (effects["task"] == task)]
    if measured.empty:
        return float("nan")
    totals = task_totals(measured, heads, task)
    if len(totals.labels) < MIN_CLUSTERS:
        return float("nan")
    return float((q_values(cluster_means(totals).p) < ALPHA).sum())
