"""Made-up agreement of ablations and of attribution, and checks of an import."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tests.helpers.synthetic_tables.models import ABLATIONS, MODELS, TASKS, Model


def ablation_agreement(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for model in models:
        for task in TASKS:
            for first, a in enumerate(ABLATIONS):
                for b in ABLATIONS[first + 1 :]:
                    rho = 1 - 0.5 * rng.beta(1.2, 2.5) - 0.35 * (a[1] != b[1]) * rng.random()
                    rows.append(
                        {
                            "family": model.family,
                            "model": model.slug,
                            "task": task,
                            "ablation_a": a[0],
                            "positions_a": a[1],
                            "ablation_b": b[0],
                            "positions_b": b[1],
                            "n_heads_compared": model.layers * model.heads,
                            "spearman": rho,
                            "category_changes": int(30 * (1 - rho)) if task in TASKS[:2] else None,
                        }
                    )
    frame = pd.DataFrame(rows)
    return frame.astype({"category_changes": "Int64"})


def attribution_agreement(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = []
    for model in models:
        n_heads = model.layers * model.heads
        for task in TASKS:
            for ablation, positions in ABLATIONS if task in TASKS[:2] else ABLATIONS[:1]:
                rho = 1 - 0.5 * rng.beta(1.2, 2.5) - 0.2 * (ablation == "zero") * rng.random()
                rows.append(
                    {
                        "family": model.family,
                        "model": model.slug,
                        "task": task,
                        "ablation": ablation,
                        "positions": positions,
                        "n_heads_compared": n_heads,
                        "spearman": rho,
                        "pearson": rho**2,
                        "top_k": 20,
                        "top_overlap": round(20 * max(rho, 20 / n_heads)) / 20,
                    }
                )
    return pd.DataFrame(rows)


def import_findings(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    """The first model is in no roster, the second lacks heads, the others pass."""
    outcomes = [("not possible", "", 0), ("suspect", "4 of its 48 heads have no row", 4)]
    outcomes += [("passed", "", 0)] * (len(models) - 2)
    rows = [
        {
            "family": model.family,
            "model": model.slug,
            "check": "missing heads",
            "outcome": outcome,
            "column": "",
            "n_rows": n_rows,
            "examples": "L0H1, L0H2, L0H3 and 1 more" if n_rows else "",
            "detail": detail,
            "cause": "a list of the strongest heads" if n_rows else "",
            "fingerprint": "0f",
        }
        for model, (outcome, detail, n_rows) in zip(models, outcomes, strict=True)
    ]
    return pd.DataFrame(rows)
