"""The effects of every head in one run against those in another."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling.figures.style import styled
from circuit_scaling.figures.two_ways import Way, two_ways


@styled
def two_runs(effects: pd.DataFrame, tau: float) -> Figure:
    """Effect in run A (x) against effect in run B (y) on one task, a panel per model.

    Heads that moved (``q`` below 0.05) are coloured.

    Raises:
        ValueError: a column is missing.
    """
    a, b = Way("delta_a", "effect in run A"), Way("delta_b", "effect in run B")
    return two_ways(effects, a, b, tau, "two_runs")
