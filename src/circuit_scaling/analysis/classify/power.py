"""How many prompts would tell the heads of each model from tau."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.analysis.cluster_effects import task_totals, with_effects
from circuit_scaling.analysis.join.agreement import is_of_kind
from circuit_scaling.measuring.scan.settings import AblationKind
from circuit_scaling.statistics.categories import resolved
from circuit_scaling.statistics.means import cluster_means
from circuit_scaling.statistics.power import prompts_for_shares, prompts_needed
from circuit_scaling.tables.classify import BOTH, PROMPTS_NEEDED, RESOLVED_SHARES
from circuit_scaling.vocabulary import STUDY_TASKS

_MOST = 1_000_000


def prompts_needed_by(
    heads: pd.DataFrame, effects: pd.DataFrame, competence: pd.DataFrame, tau: float
) -> pd.DataFrame:
    """A row per model and task, and one for both: prompts per task that resolve shares of heads.

    A head is resolved where no interval straddles +-tau. Its standard error falls with the root of
    the number of prompts, so that the distance of its effect from tau says how many it needs; the
    effect is taken for the true one, which is optimistic (``docs/method.md`` says by how much).

    Args:
        heads: ``joint_heads``.
        effects: ``joint_effects``; a model without any has no rows.
        competence: has ``most_clusters``, how many pairs of names there are.
    """
    rows = [
        row
        for of_model, of_clusters in with_effects(heads, effects)
        for row in _rows(
            of_model,
            of_clusters,
            competence[competence["model"] == of_model["model"].iloc[0]],
            tau,
        )
    ]
    return pd.DataFrame(rows) if rows else PROMPTS_NEEDED.empty()


@dataclass(frozen=True)
class _Needs:
    """What one task, or both together, needs of a model's heads.

    Attributes:
        by_head: [heads] prompts that resolve each head.
        resolved: [heads] whether each is resolved now; None where it has no interval.
        n_prompts: prompts that were measured.
        most_prompts: prompts that the pairs of names there are would give.
    """

    task: str
    by_head: NDArray[np.float64]
    resolved: NDArray[np.object_]
    n_prompts: int
    most_prompts: float

    def together(self, other: _Needs) -> _Needs:
        """A head is resolved on both where it is on each."""
        known = [
            None if one is None or two is None else bool(one and two)
            for one, two in zip(self.resolved, other.resolved, strict=True)
        ]
        return _Needs(
            BOTH,
            np.maximum(self.by_head, other.by_head),
            np.array(known, dtype=object),
            min(self.n_prompts, other.n_prompts),
            min(self.most_prompts, other.most_prompts),
        )


def _rows(
    heads: pd.DataFrame, effects: pd.DataFrame, competence: pd.DataFrame, tau: float
) -> Iterator[dict[str, object]]:
    if effects.empty:
        return
    one, two = (_needs_of(heads, effects, competence, task, tau) for task in STUDY_TASKS)
    for needs in (one, two, one.together(two)):
        measured = not any(known is None for known in needs.resolved)
        yield {
            "family": heads["family"].iloc[0],
            "model": heads["model"].iloc[0],
            "task": needs.task,
            "n_prompts": needs.n_prompts,
            "frac_resolved": float(np.mean(needs.resolved.astype(bool))) if measured else np.nan,
            **columns_of(prompts_for_shares(needs.by_head, RESOLVED_SHARES)),
            "most_prompts": needs.most_prompts,
        }


def _needs_of(
    heads: pd.DataFrame, effects: pd.DataFrame, competence: pd.DataFrame, task: str, tau: float
) -> _Needs:
    totals = task_totals(effects, heads, task)
    means = cluster_means(totals)
    n_prompts = int(totals.n_prompts.sum())
    low, high = (heads[f"{end}_{task}"].to_numpy() for end in ("low", "high"))
    found = competence.loc[competence["task"] == task, "most_clusters"]
    clusters = float(found.iloc[0]) if len(found) else np.nan
    return _Needs(
        task,
        needed_by_head(means.mean, means.se, n_prompts, tau),
        resolved(low, high, low, high, tau),
        n_prompts,
        clusters * n_prompts / len(totals.labels),
    )


def power_lines(effects: pd.DataFrame, primary: AblationKind, tau: float) -> Iterator[str]:
    """Of each task of the study in one model's ``head_effects``: what is resolved, and what would
    resolve more, for people."""
    for task in STUDY_TASKS:
        rows = effects[is_of_kind(effects, primary) & (effects["task"] == task)]
        if rows.empty or rows["se"].isna().any() or rows["settled"].notna().any():
            continue  # of settled heads the scan itself says how many they are
        n_prompts = int(rows["n_prompts"].iloc[0])
        by_head = needed_by_head(rows["delta"].to_numpy(), rows["se"].to_numpy(), n_prompts, tau)
        told = ", ".join(
            f"{100 * share:.0f} % need {prompts:,.0f}"
            for share, prompts in prompts_for_shares(by_head, RESOLVED_SHARES).items()
        )
        yield (
            f"with {n_prompts} prompts of {task}, {np.mean(by_head <= n_prompts):.0%} of the heads "
            f"are told from tau = {tau:g}; {told}"
        )


def needed_by_head(
    delta: NDArray[np.float64], se: NDArray[np.float64], n_prompts: int, tau: float
) -> NDArray[np.float64]:
    """Prompts that resolve each head at ``tau``: [heads], NaN without a standard error."""
    return prompts_needed(se, n_prompts, np.abs(np.abs(delta) - tau))


def columns_of(by_share: Mapping[float, float]) -> dict[str, float]:
    """``prompts_50`` and so on; missing where a million prompts are not enough."""
    return {
        f"prompts_{100 * share:.0f}": prompts if prompts <= _MOST else np.nan
        for share, prompts in by_share.items()
    }
