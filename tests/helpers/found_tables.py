"""Small tables of circuits of which it is known what they bear, for the tests of findings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found import Finding

MODELS = ("a", "b", "c", "d")


def correlations(low: float, high: float) -> pd.DataFrame:
    """Four competent models with intervals of the same half width around 0.3, 0.4, ..."""
    middle = np.array([0.3, 0.4, 0.5, 0.6])
    return pd.DataFrame(
        {
            "family": "gpt2",
            "model": MODELS,
            "corr": middle,
            "corr_true": middle,
            "corr_true_low": middle + low,
            "corr_true_high": middle + high,
            "corr_sample_low": -1.0,
            "corr_sample_high": 1.0,
            "competent_ioi": True,
            "competent_anti_names": True,
        }
    )


def told(find: Callable[[ReportContext], Finding | None], **tables: pd.DataFrame) -> Finding:
    found = find(ReportContext().with_tables(**tables))
    assert found is not None
    return found


def ablated(high: float, p: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "family": "gpt2",
            "model": MODELS,
            "task": "ioi",
            "readout": "contrast",
            "hero_set": "hero_joint",
            "reason": "",
            "primary": True,
            "k": 9,
            "competent": True,
            "matched_p": p,
            "matched_p_floor": 0.01,
            "matched_difference": [-1.0, -1.5, -2.5, -3.0],
            "matched_difference_low": -4.0,
            "matched_difference_high": high,
        }
    )


def verdicts(itself: int, routes: int, unclear: int) -> pd.DataFrame:
    kinds = ["does it itself"] * itself + ["routes"] * routes + ["unclear"] * unclear
    rows = [
        {"model": "a", "layer": 0, "head": head, "task": task, "verdict": kind}
        for head, kind in enumerate(kinds)
        for task in ("ioi", "anti_names")
    ]
    return pd.DataFrame(rows).assign(category="shared", competent=True)
