"""Shares of strong heads against the size of the model and against the threshold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from circuit_scaling.figures.by_size import handles, mark, places, size_axis, size_label
from circuit_scaling.figures.style import (
    CATEGORIES,
    RULE,
    Look,
    family_looks,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
)

_SHOWN = {"strong": "strong on a task"} | {
    name: look.label for name, look in CATEGORIES.items() if name != "weak"
}
_COLUMNS = (
    *("family", "model", "params_m", "tau"),
    *(f"frac_{name}{end}" for name in _SHOWN for end in ("", "_true", "_low", "_high")),
)


@styled
def strong_head_scaling(strong_head_scaling: pd.DataFrame, tau: float) -> Figure:
    """Shares of strong heads: against parameters at ``tau`` above, over the tau grid below.

    ``strong_head_scaling`` has one row per model and tau. A column of panels for heads that are
    strong on a task and one for each category that is not weak; above a mark per model, the share
    without noise with its 95 % interval or, pale, the share as seen where that is not known; below
    a line per model, as seen. Models without a size are left out above, and counted.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(strong_head_scaling, _COLUMNS, "strong_head_scaling")
    if strong_head_scaling.empty:
        return nothing_to_draw("no model has classified heads")
    looks = family_looks(strong_head_scaling["family"])
    at_tau = strong_head_scaling[np.isclose(strong_head_scaling["tau"], tau)]
    sized = at_tau[at_tau["params_m"] > 0]
    sized = sized.assign(at=places(sized["params_m"]))
    figure = new_figure(4.4)
    parts = figure.subfigures(2, 1, squeeze=False)[:, 0]
    panels = [part.subplots(1, len(_SHOWN), sharey=True) for part in parts]
    for above, below, (name, label) in zip(*panels, _SHOWN.items(), strict=True):
        _against_size(above, sized, name, looks)
        _against_tau(below, strong_head_scaling, name, looks, tau)
        above.set_title(label, loc="left", fontsize=7.5)
    parts[0].supxlabel(size_label(len(at_tau) - len(sized)))
    parts[1].supxlabel("τ (logits)")
    panels[0][0].set_ylabel(f"share of heads, τ = {tau:g}")
    panels[1][0].set_ylabel("share of heads, as seen")
    for row in panels:
        row[0].set_ylim(-0.03, 1.03)
        row[0].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    figure.legend(handles=handles(looks, ()), loc="outside upper left", ncols=6)
    return figure


def _against_size(axes: Axes, rows: pd.DataFrame, name: str, looks: dict[str, Look]) -> None:
    for row in rows.to_dict("records"):
        true = row[f"frac_{name}_true"]
        bounds = (row[f"frac_{name}_low"], row[f"frac_{name}_high"])
        known = not np.isnan(true)
        share = true if known else row[f"frac_{name}"]
        mark(axes, row["at"], share, bounds, looks[row["family"]], "able" if known else "unknown")
    if len(rows):
        size_axis(axes, rows["at"].to_numpy(dtype=np.float64))


def _against_tau(
    axes: Axes, rows: pd.DataFrame, name: str, looks: dict[str, Look], tau: float
) -> None:
    axes.axvline(tau, color=RULE, linewidth=0.7, linestyle=(0, (3, 2)), zorder=0.5)
    for (family, _), of_model in rows.groupby(["family", "model"], sort=False):
        look = looks[str(family)]
        line = of_model.sort_values("tau")
        axes.plot(
            line["tau"],
            line[f"frac_{name}"],
            color=look.colour,
            marker=look.marker,
            markersize=2.5,
            linewidth=0.7,
            alpha=0.8,
            gid="model",
        )
    taus = sorted(rows["tau"].unique())
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(taus))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="x", labelsize=6)
