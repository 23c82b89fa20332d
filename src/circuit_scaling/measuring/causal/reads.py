"""Where heads look: attention from the last position to the names and to the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from circuit_scaling.interventions.operations.attention import attention_from_end
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.measuring.causal.roles import roles_of
from circuit_scaling.measuring.causal.traced_task import TracedTask, Values
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.means import cluster_means
from circuit_scaling.tables.causal import ROLES


def head_reads(traced: TracedTask) -> pd.DataFrame:
    """A row per head of the model: mean attention to each role, over the prompts that have it.

    A role that no prompt has is missing. Where all prompts have all roles, they add up to 1.
    """
    anatomy = traced.anatomy
    heads = anatomy.heads

    def read(batch: Batch) -> dict[str, Values]:
        attention = attention_from_end(anatomy, batch.tokens, heads, traced.chunk)
        roles = roles_of(batch)
        by_role = np.einsum("hpk,rpk->rhp", attention, roles.astype(np.float32))
        return {"attention": by_role, "present": roles.any(axis=2).astype(np.float32)}

    measured = traced.measure(read)
    columns: dict[str, object] = {}
    for role, values, present in zip(
        ROLES, measured["attention"], measured["present"] > 0, strict=True
    ):
        missing = np.full(len(heads), np.nan)
        mean, low, high = missing, missing, missing
        if present.any():
            means = cluster_means(cluster_totals(values[:, present], traced.clusters[present]))
            mean, low, high = means.mean, means.low, means.high
        columns |= {role: mean, f"{role}_low": low, f"{role}_high": high}
    layers, numbers = zip(*heads, strict=True)
    return pd.DataFrame(
        {"layer": layers, "head": numbers, "task": traced.task, **traced.counts(), **columns}
    )
