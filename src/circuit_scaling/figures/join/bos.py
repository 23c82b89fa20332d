"""Every head with BOS before the prompts and without."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling.figures.style import styled
from circuit_scaling.figures.two_ways import Way, two_ways


@styled
def bos_effects(bos_effects: pd.DataFrame, tau: float) -> Figure:
    """Effect without BOS (x) against effect with it (y), on the one task that was measured twice.

    Raises:
        ValueError: a column is missing.
    """
    without = Way("delta_without", "effect without BOS")
    return two_ways(bos_effects, without, Way("delta_with", "effect with BOS"), tau, "bos_effects")
