"""Correlation of the effects on the two tasks against the size of the model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuit_scaling.figures.by_size import handles, mark, places, size_axis
from circuit_scaling.figures.style import (
    QUIET,
    Look,
    family_looks,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
)

_COLUMNS = (
    *("family", "model", "params_m", "corr", "corr_true", "corr_true_low", "corr_true_high"),
    *("competent_ioi", "competent_anti"),
)


@styled
def corr_vs_scale_cross_family(corr_vs_scale: pd.DataFrame) -> Figure:
    """Corrected correlation with its 95 % interval, and raw Pearson, against parameters (log).

    ``corr_vs_scale`` has one row per model. Models of one family are joined by a line; models of
    nearly one size stand side by side. Models that are not competent on one of the tasks are
    hollow and outside the lines. What is not defined is not drawn; each title counts it. Models
    without a size are left out and counted. Raises ValueError if a column is missing.
    """
    require_columns(corr_vs_scale, _COLUMNS, "corr_vs_scale_cross_family")
    sized = corr_vs_scale[corr_vs_scale["params_m"] > 0]
    if sized.empty:
        return nothing_to_draw("no model has a known size")
    rows = sized.assign(
        at=places(sized["params_m"]),
        hollow=~sized[["competent_ioi", "competent_anti"]].fillna(True).astype(bool).all(axis=1),
    )
    looks = family_looks(rows["family"])
    figure = new_figure(3.1)
    panels = figure.subplots(1, 2, sharey=True)
    _panel(panels[0], rows, "corr_true", looks)
    _panel(panels[1], rows, "corr", looks)
    _title(panels[0], "true effects (noise-corrected), 95 % interval", rows["corr_true"])
    _title(panels[1], "observed effects (Pearson)", rows["corr"])
    unsized = len(corr_vs_scale) - len(sized)
    note = f"; {unsized} without a known size left out" if unsized else ""
    panels[0].set_ylabel(
        r"correlation of $\Delta_\mathrm{ioi}$ and $\Delta_\mathrm{anti}$"
        + "\nover the heads of a model"
    )
    panels[0].set_ylim(-1.06, 1.06)
    figure.supxlabel(f"parameters (millions{note})")
    hollow = "hollow: not competent" if rows["hollow"].any() else None
    figure.legend(handles=handles(looks, hollow), loc="outside upper left", ncols=6)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, measure: str, looks: dict[str, Look]) -> None:
    axes.axhline(0, color=QUIET, linewidth=0.6, zorder=0.5)
    for family, look in looks.items():
        defined = rows[(rows["family"] == family) & rows[measure].notna()].sort_values("at")
        joined = defined[~defined["hollow"]]
        axes.plot(joined["at"], joined[measure], color=look.colour, linewidth=0.6, alpha=0.6)
        for row in defined.to_dict("records"):
            bounds = (row.get(f"{measure}_low", np.nan), row.get(f"{measure}_high", np.nan))
            mark(axes, row["at"], row[measure], bounds, look, row["hollow"])
    size_axis(axes, rows["at"].to_numpy(dtype=np.float64))


def _title(axes: Axes, words: str, values: pd.Series[float]) -> None:
    lacking = int(values.isna().sum())
    axes.set_title(words + (f" ({lacking} not defined)" if lacking else ""), loc="left", fontsize=7)
