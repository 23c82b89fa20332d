"""The effects of every head in one run against those in another."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling.figures.style import require_columns, styled, task_looks
from circuit_scaling.figures.two_ways import Way, panels_of


@styled
def two_runs(effects: pd.DataFrame, tau: float) -> Figure:
    """Effect in run A (x) against effect in run B (y) of one model's heads, a panel per task.

    Heads that moved (``q`` below 0.05) are coloured.

    Raises:
        ValueError: a column is missing.
    """
    a, b = Way("delta_a", "effect in run A"), Way("delta_b", "effect in run B")
    require_columns(effects, ("task", a.column, b.column, "q"), "two_runs")
    tasks = task_looks(effects["task"])
    parts = {look.label: effects[effects["task"] == task] for task, look in tasks.items()}
    return panels_of(parts, a, b, tau, in_a_row=3)
