"""Control models: do models that never learnt a task show heads of that job?"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from circuit_scaling.tables.schemas import CONTROL_MODELS

SIGNIFICANT = 0.05
_TASKS = ("ioi", "anti_names")


def control_models(
    classified: pd.DataFrame,
    competence: pd.DataFrame,
    untaught: Iterable[tuple[str, str]],
    tau: float,
) -> pd.DataFrame:
    """A row per model and task that it never learnt, with the heads that seem to do that job.

    Args:
        classified: ``classified_heads``, with q per head and task.
        competence: the clean metric of each model and task.
        untaught: (model, task) pairs; those that are not in the tables are left out.
        tau: logits; from there on a head is strong.

    ``n_significant`` counts heads with q < 0.05 on the task. ``n_chance`` is how many of them false
    discovery control lets through at most, on average: 0.05 times the heads that are significant on
    either task, because the two share one correction. Without q both are missing.
    """
    rows = []
    for model, task in untaught:
        heads = classified[classified["model"] == model]
        clean = competence[(competence["model"] == model) & (competence["task"] == task)]
        if heads.empty or clean.empty or task not in _TASKS:
            continue
        found = heads[[f"q_{name}" for name in _TASKS]].lt(SIGNIFICANT)
        tested = bool(heads[f"q_{task}"].notna().all())
        first = clean.iloc[0]
        rows.append(
            {
                "family": heads["family"].iloc[0],
                "model": model,
                "task": task,
                **{name: first[name] for name in ("clean_metric", "low", "high", "competent")},
                "n_heads_total": len(heads),
                "n_significant": float(found[f"q_{task}"].sum()) if tested else float("nan"),
                "n_chance": SIGNIFICANT * float(found.sum().sum()) if tested else float("nan"),
                "n_strong": int(heads[f"delta_{task}"].abs().ge(tau).sum()),
            }
        )
    if not rows:
        return CONTROL_MODELS.empty()
    return pd.DataFrame(rows).astype({"competent": "boolean"})
