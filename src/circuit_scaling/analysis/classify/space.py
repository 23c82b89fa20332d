"""``circuit_scaling.phase_space``: classified heads of one model or several, drawn as they are."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.figures.classify.heads_in_space import COLUMNS
from circuit_scaling.figures.classify.phase_space import all_heads_phase_space, delta_scatter
from circuit_scaling.tables.made_with import made_with


def phase_space_of(heads: pd.DataFrame, tau: float | None) -> Figure:
    """See :func:`circuit_scaling.phase_space`."""
    if absent := [column for column in COLUMNS if column not in heads]:
        raise CircuitScalingError(
            f"These are no classified heads: there is no column {', '.join(absent)}. "
            "circuit_scaling.classify makes them."
        )
    threshold = made_with(heads).get("classify.tau") if tau is None else tau
    if threshold is None:
        raise CircuitScalingError(
            "The table does not say with which threshold its heads were classified. Give tau=..."
        )
    draw = delta_scatter if heads["model"].nunique() == 1 else all_heads_phase_space
    return draw(heads, float(threshold))
