"""Every head on both forms of anti-repetition: what the order of the names alone does."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from circuit_scaling.figures.style import (
    INK,
    QUIET,
    RULE,
    new_figure,
    nothing_to_draw,
    order_models,
    require_columns,
    styled,
)
from circuit_scaling.figures.symlog import symlog_axes, symlog_limits
from circuit_scaling.vocabulary import ALPHA

_COLUMNS = ("family", "model", "delta_anti_names", "delta_anti_names_first", "q")
_ORDER = "#b5651d"


@styled
def name_order(name_order: pd.DataFrame, tau: float) -> Figure:
    """Effect with either name repeated (x) against effect with the first one repeated (y).

    One panel per model, a dot per head; both axes are linear within ``tau``. Heads on the diagonal
    do not care for the order of the names; those whose two effects differ (q below 0.05) are
    coloured. Raises ValueError if a column is missing.
    """
    require_columns(name_order, _COLUMNS, "name_order")
    if name_order.empty:
        return nothing_to_draw("no model was measured on both forms")
    models = order_models(name_order)
    columns = min(len(models), 5)
    rows = math.ceil(len(models) / columns)
    figure = new_figure(min(6.6 / columns, 3.4) * rows + 0.85)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    x, y = (
        symlog_limits(name_order[column].to_numpy(dtype=np.float64), tau)
        for column in ("delta_anti_names", "delta_anti_names_first")
    )
    ends = [min(x[0], y[0]), max(x[1], y[1])]
    for panel, model in zip(panels, models, strict=False):
        heads = name_order[name_order["model"] == model]
        symlog_axes(panel, tau, x, y, small=True)
        panel.plot(ends, ends, color=RULE, linewidth=0.8, zorder=0.6)
        differs = (heads["q"] < ALPHA).to_numpy()
        for chosen, colour, size in ((~differs, QUIET, 8), (differs, _ORDER, 13)):
            panel.scatter(
                heads.loc[chosen, "delta_anti_names"],
                heads.loc[chosen, "delta_anti_names_first"],
                s=size,
                color=colour,
                edgecolor="white",
                linewidth=0.3,
                zorder=2,
                clip_on=False,
            )
        panel.set_title(model, loc="left", fontsize=7)
        panel.set_title(
            f"{int(differs.sum())} of {len(heads)}", loc="right", fontsize=6, color=QUIET
        )
    for panel in panels[len(models) :]:
        panel.set_axis_off()
    for panel in panels[max(0, len(models) - columns) : len(models)]:
        panel.tick_params(labelbottom=True)
    scales = f"both axes linear within ±τ = {tau:g}, logarithmic beyond"
    figure.supxlabel(f"effect where either name is repeated ({scales})")
    figure.supylabel("effect where always the first is")
    handles = [
        Line2D([], [], linestyle="none", marker="o", color=_ORDER, ms=5, label="differ, q < 0.05"),
        Line2D([], [], linestyle="none", marker="o", color=QUIET, ms=4, label="not told apart"),
        Line2D([], [], color=RULE, label="the order of the names does not matter"),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3, labelcolor=INK)
    return figure
