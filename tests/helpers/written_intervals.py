"""Joined heads with the errors and intervals that a scan would give them."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.cluster_effects import task_totals, with_effects
from circuit_scaling.statistics.means import cluster_means
from circuit_scaling.vocabulary import STUDY_TASKS


def with_intervals(heads: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """``heads`` with ``se_``, ``low_`` and ``high_`` of both tasks from ``joint_effects``."""
    parts = []
    for rows, found in with_effects(heads, effects):
        of_model = rows.copy()
        for task in STUDY_TASKS:
            means = cluster_means(task_totals(found, of_model, task))
            of_model[f"se_{task}"] = means.se
            of_model[f"low_{task}"], of_model[f"high_{task}"] = means.low, means.high
        parts.append(of_model)
    return pd.concat(parts)
