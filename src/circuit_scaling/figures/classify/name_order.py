"""Every head on both forms of anti-repetition: what the order of the names alone does."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling.figures.style import styled
from circuit_scaling.figures.two_ways import Way, two_ways

_EITHER = Way("delta_anti_names", "effect where either name is repeated")
_FIRST = Way("delta_anti_names_first", "effect where always the first is")


@styled
def name_order(name_order: pd.DataFrame, tau: float) -> Figure:
    """Effect with either name repeated (x) against effect with the first one repeated (y).

    Heads on the diagonal do not care for the order of the names.

    Raises:
        ValueError: a column is missing.
    """
    return two_ways(name_order, _EITHER, _FIRST, tau, "name_order")
