"""Hero heads against random heads: what is left of the task as more and more are ablated."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from circuit_scaling.figures.by_size import handles
from circuit_scaling.figures.style import (
    CATEGORIES,
    INK,
    QUIET,
    RANDOM,
    RANDOM_BAND,
    abilities,
    family_looks,
    model_mark,
    new_figure,
    nothing_to_draw,
    order_models,
    require_columns,
    short_names,
    styled,
    task_looks,
)

_LEVELS = {
    "mean contrast": ("mean_diff", "low", "high", "from", "to"),
    "accuracy": ("accuracy", "accuracy_low", "accuracy_high", "accuracy_from", "accuracy_to"),
}
_COLUMNS = (
    *("family", "model", "task", "readout", "primary", "hero_set", "k", "competent"),
    *("clean_metric", "clean_accuracy", "matched_p", "matched_n"),
    *("matched_difference", "matched_difference_low", "matched_difference_high"),
    *("mean_diff", "low", "high", "accuracy", "accuracy_low", "accuracy_high"),
    *(f"{kind}_{part}" for kind in ("matched", "weakest") for part in ("mean_diff", "accuracy")),
    *(f"matched_{part}" for part in ("from", "to", "accuracy_from", "accuracy_to")),
)
_HEROES = CATEGORIES["shared"].colour
_REMARKS = {"able": "", "unable": " (not competent)", "unknown": " (competence not known)"}
_WEAKEST = "#c8553d"


@styled
def hero_vs_random_ablation(ablation_summary: pd.DataFrame) -> Figure:
    """Mean contrast and accuracy of one model against the number of ablated heads k.

    ``ablation_summary`` has the rows of one model; the heroes of all categories together are drawn,
    under the primary ablation, a column per task. Hero line with 95 % interval over prompts (of the
    effect, laid around the contrast); band and line: the middle 95 % and the mean of random sets
    with as many heads in each layer; dashed: the weakest heads. k = 0 is the clean model. What was
    not measured is not drawn.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(ablation_summary, _COLUMNS, "hero_vs_random_ablation")
    rows = of_all_heroes(ablation_summary)
    if rows.empty:
        return nothing_to_draw("the model has no hero heads")
    tasks = task_looks(rows["task"])
    figure = new_figure(4.2)
    panels = figure.subplots(len(_LEVELS), len(tasks), sharex=True, squeeze=False)
    for column, (task, look) in enumerate(tasks.items()):
        of_task = rows[rows["task"] == task].sort_values("k")
        for row, measure in enumerate(_LEVELS):
            _panel(panels[row, column], of_task, measure)
        remark = _REMARKS[abilities(of_task[["competent"]]).iloc[0]]
        title = f"{look.label}{remark}"
        panels[0, column].set_title(title, loc="left", fontsize=7.5)
    for row, measure in enumerate(_LEVELS):
        panels[row, 0].set_ylabel(f"{measure}, test prompts")
    figure.supxlabel("k: ablated heads")
    figure.legend(handles=_handles(), loc="outside upper left", ncols=4)
    return figure


@styled
def ablation_overview(ablation_summary: pd.DataFrame) -> Figure:
    """Heroes minus matched random sets in mean contrast, all heroes of a model, a panel per task.

    ``ablation_summary`` has the rows of every model; primary ablation. 95 % intervals over prompts;
    hollow where the model is not competent on the task, pale where that is not known; the number of
    heads and p stand beside the mark.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(ablation_summary, _COLUMNS, "ablation_overview")
    rows = with_all_heroes(ablation_summary)
    rows = rows[rows["matched_difference"].notna()]
    rows = rows.assign(ability=abilities(rows[["competent"]]))
    if rows.empty:
        return nothing_to_draw("no model has hero heads and random heads to compare")
    models = order_models(rows)
    tasks = task_looks(rows["task"])
    families = family_looks(rows["family"])
    figure = new_figure(0.26 * len(models) + 1.1)
    panels = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
    for axes, (task, look) in zip(panels, tasks.items(), strict=True):
        axes.axvline(0, color=QUIET, linewidth=0.7)
        for row in rows[rows["task"] == task].to_dict("records"):
            at, colour = models.index(row["model"]), families[row["family"]]
            ends = (row["matched_difference_low"], row["matched_difference_high"])
            axes.hlines(at, *ends, color=colour.colour, linewidth=1.2, gid="interval")
            axes.plot([row["matched_difference"]], [at], **model_mark(colour, row["ability"]))
            axes.text(
                *(1.01, at, f"k {row['k']}, p {row['matched_p']:.3f}"),
                transform=axes.get_yaxis_transform(),
                **{"fontsize": 5.5, "va": "center", "color": QUIET},
            )
        axes.set_title(look.label, loc="left", fontsize=7.5)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.08)
    panels[0].set_yticks(np.arange(len(models)), list(short_names(models).values()))
    panels[0].set_ylim(len(models) - 0.5, -0.5)
    legend = handles(families, {"unable", *rows["ability"]})
    figure.legend(handles=legend, loc="outside upper left", ncols=6)
    figure.supxlabel("mean contrast: heroes minus random heads of the same layers (95 % interval)")
    return figure


def of_all_heroes(ablation_summary: pd.DataFrame) -> pd.DataFrame:
    """The rows that the figure of a model shows: joint heroes, tasks with an answer, every k."""
    return ablation_summary[
        (ablation_summary["hero_set"] == "hero_joint")
        & ablation_summary["primary"]
        & (ablation_summary["readout"] == "contrast")
        & ablation_summary["mean_diff"].notna()
    ]


def with_all_heroes(ablation_summary: pd.DataFrame) -> pd.DataFrame:
    """Of these the row with most heroes, per model and task."""
    rows = of_all_heroes(ablation_summary)
    return rows.loc[rows.groupby(["model", "task"], sort=False)["k"].idxmax()]


def _panel(axes: Axes, rows: pd.DataFrame, measure: str) -> None:
    level, low, high, band_low, band_high = _LEVELS[measure]
    # A contrast is drawn as it is left, and tables hold its change.
    start = rows["clean_metric"].iloc[0] if measure == "mean contrast" else 0.0
    clean = start if measure == "mean contrast" else rows["clean_accuracy"].iloc[0]
    k = np.concatenate([[0], rows["k"].to_numpy(dtype=np.float64)])

    def line(column: str) -> NDArray[np.float64]:
        return np.concatenate([[clean], start + rows[column].to_numpy(dtype=np.float64)])

    axes.fill_between(
        k, line(f"matched_{band_low}"), line(f"matched_{band_high}"), color=RANDOM_BAND, linewidth=0
    )
    axes.plot(k, line(f"matched_{level}"), color=RANDOM, gid="matched")
    axes.plot(k, line(f"weakest_{level}"), color=_WEAKEST, linestyle=(0, (3, 2)), gid="weakest")
    axes.vlines(k[1:], line(low)[1:], line(high)[1:], color=_HEROES, linewidth=1.0, gid="interval")
    axes.plot(k, line(level), color=_HEROES, marker="o", markersize=3.5, gid="heroes")
    if measure == "mean contrast":
        axes.axhline(0, color=QUIET, linewidth=0.6, zorder=0.5)
    else:
        axes.set_ylim(-0.04, 1.04)
    axes.set_xticks(k)


def _handles() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=_HEROES, marker="o", ms=3.5, label="heroes, 95 % interval"),
        Line2D([], [], color=RANDOM, label="random heads of the same layers, mean"),
        Patch(facecolor=RANDOM_BAND, edgecolor=INK, linewidth=0, label="… middle 95 % of them"),
        Line2D([], [], color=_WEAKEST, linestyle=(0, (3, 2)), label="weakest heads"),
    ]
