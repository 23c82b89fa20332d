"""Correlation of the effects on the two tasks against the size of the model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuit_scaling.figures.by_size import handles, mark, places, size_axis, size_label
from circuit_scaling.figures.style import (
    COMPETENT_ON_BOTH,
    QUIET,
    Look,
    both_abilities,
    family_looks,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
)

_COLUMNS = (
    *("family", "model", "params_m", "corr", "corr_true", "corr_true_low", "corr_true_high"),
    *COMPETENT_ON_BOTH,
)
_TITLES = {
    "corr_true": "true effects of these heads, 95 % interval over prompts",
    "corr": "observed effects (Pearson)",
}


@styled
def corr_vs_scale_cross_family(corr_vs_scale: pd.DataFrame) -> Figure:
    """Corrected correlation with its 95 % interval, and raw Pearson, against parameters (log).

    ``corr_vs_scale`` has one row per model. Models of one family are joined by a line; models of
    nearly one size stand side by side. Models that are not competent on one of the tasks are hollow
    and outside the lines; those of which it is not known are pale. What is not defined is not
    drawn; each title counts it, and where no corrected correlation is defined its panel is left
    out. Models without a size are left out and counted.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(corr_vs_scale, _COLUMNS, "corr_vs_scale_cross_family")
    sized = corr_vs_scale[corr_vs_scale["params_m"] > 0]
    if sized.empty:
        return nothing_to_draw("no model has a known size")
    rows = sized.assign(
        at=places(sized["params_m"]),
        ability=both_abilities(sized),
    )
    looks = family_looks(rows["family"])
    figure = new_figure(3.1)
    shown = {name: words for name, words in _TITLES.items() if rows[name].notna().any()}
    shown = shown or {"corr": _TITLES["corr"]}
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, (measure, words) in zip(panels, shown.items(), strict=True):
        _panel(axes, rows, measure, looks)
        lacking = int(rows[measure].isna().sum())
        note = f"\n{lacking} not defined" if lacking else ""
        axes.set_title(words + note, loc="left", fontsize=7)
    panels[0].set_ylabel(
        r"correlation of $\Delta_\mathrm{ioi}$ and $\Delta_\mathrm{anti}$"
        + "\nover the heads of a model",
        parse_math=True,
    )
    panels[0].set_ylim(-1.06, 1.06)
    figure.supxlabel(size_label(len(corr_vs_scale) - len(sized)))
    legend = handles(looks, set(rows["ability"]))
    figure.legend(handles=legend, loc="outside upper left", ncols=6)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, measure: str, looks: dict[str, Look]) -> None:
    axes.axhline(0, color=QUIET, linewidth=0.6, zorder=0.5)
    for family, look in looks.items():
        defined = rows[(rows["family"] == family) & rows[measure].notna()].sort_values("at")
        joined = defined[defined["ability"] != "unable"]
        axes.plot(joined["at"], joined[measure], color=look.colour, linewidth=0.6, alpha=0.6)
        for row in defined.to_dict("records"):
            bounds = (row.get(f"{measure}_low", np.nan), row.get(f"{measure}_high", np.nan))
            mark(axes, row["at"], row[measure], bounds, look, row["ability"])
    size_axis(axes, rows["at"].to_numpy(dtype=np.float64))
