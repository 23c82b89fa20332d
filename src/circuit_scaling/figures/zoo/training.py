"""How the embedded models learned their tasks, and what they reach on held-out prompts."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from circuit_scaling.figures.style import (
    QUIET,
    Look,
    new_figure,
    nothing_to_draw,
    order_models,
    require_columns,
    styled,
    task_looks,
    wrapped,
)

_GRID_COLUMNS = 5
_OBJECTIVES = {"trained": "", "random": "at random", "untrained": "not trained"}


@styled
def zoo_training(zoo_curves: pd.DataFrame, zoo_accuracy: pd.DataFrame) -> Figure:
    """Training loss by task, a panel per model, above a table of the accuracies reached.

    ``zoo_curves`` has the columns model, step, task, loss (nats); ``zoo_accuracy`` has one row per
    model and task: accuracy in 0..1 and the objective (``trained``, ``random`` answers as a
    control, or ``untrained``). Either may be empty.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(zoo_curves, ("model", "step", "task", "loss"), "zoo_training")
    require_columns(zoo_accuracy, ("model", "task", "objective", "accuracy"), "zoo_training")
    if zoo_curves.empty and zoo_accuracy.empty:
        return nothing_to_draw("no training was recorded")
    tasks = task_looks([*zoo_curves["task"], *zoo_accuracy["task"]])
    curves = order_models(zoo_curves)
    scored = order_models(zoo_accuracy)
    rows = math.ceil(len(curves) / _GRID_COLUMNS)
    heights = [1.35 * rows + 0.3 if curves else 0.0, 0.24 * len(scored) + 0.5 if scored else 0.0]
    figure = new_figure(sum(heights) + 0.3)
    parts = figure.subfigures(
        sum(height > 0 for height in heights),
        1,
        squeeze=False,
        height_ratios=[height for height in heights if height],
    )[:, 0]
    if curves:
        grid = parts[0].subplots(rows, min(_GRID_COLUMNS, len(curves)), sharey=True, squeeze=False)
        _curve_panels(list(grid.ravel()), zoo_curves, curves, tasks)
        parts[0].supxlabel("training step")
        parts[0].supylabel("loss (nats)")
        drawn = [look for task, look in tasks.items() if task in set(zoo_curves["task"])]
        handles = [
            Line2D([], [], color=look.colour, ls=look.line, label=look.label) for look in drawn
        ]
        parts[0].legend(handles=handles, loc="outside upper left", ncols=len(handles))
    if scored:
        _accuracy_table(parts[-1].subplots(), zoo_accuracy, scored, tasks)
    return figure


def _curve_panels(
    panels: list[Axes], curves: pd.DataFrame, models: list[str], tasks: dict[str, Look]
) -> None:
    positive = bool((curves["loss"] > 0).all())
    for panel, model in zip(panels, models, strict=False):
        for task, look in tasks.items():
            line = curves[(curves["model"] == model) & (curves["task"] == task)]
            line = line.sort_values("step", kind="stable")
            if len(line):
                panel.plot(line["step"], line["loss"], color=look.colour, linestyle=look.line)
        panel.set_title(model, loc="left", fontsize=7)
        panel.set_xlim(left=0)
        panel.locator_params(axis="x", nbins=3)
        panel.tick_params(labelsize=6)
        if positive:
            panel.set_yscale("log")
            panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            panel.yaxis.set_minor_formatter(NullFormatter())
    for panel in panels[len(models) :]:
        panel.set_axis_off()


def _accuracy_table(
    axes: Axes, accuracy: pd.DataFrame, models: list[str], tasks: dict[str, Look]
) -> None:
    """Accuracies as numbers on a pale scale; the objective is written where it is not 'trained'."""
    shown = [task for task in tasks if task in set(accuracy["task"])]
    rows = accuracy.drop_duplicates(["model", "task"]).set_index(["model", "task"])
    wanted = pd.MultiIndex.from_product([models, shown])
    flat = rows["accuracy"].reindex(wanted).to_numpy(dtype=np.float64)
    values = flat.reshape(len(models), len(shown))
    objectives = list(rows["objective"].reindex(wanted))
    axes.imshow(values, cmap="Greens", vmin=0, vmax=2.8, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        written = "–" if np.isnan(value) else f"{100 * value:.1f} %"
        remark = (
            ""
            if np.isnan(value)
            else _OBJECTIVES.get(str(objectives[row * len(shown) + column]), "")
        )
        if remark:
            written += f"  ({remark})"
        colour = QUIET if remark or np.isnan(value) else "black"
        axes.text(column, row, written, ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(np.arange(len(shown)), [wrapped(tasks[task].label) for task in shown])
    axes.set_yticks(np.arange(len(models)), models)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(len(shown) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(models) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="minor", length=0)
    axes.set_title("accuracy on held-out prompts", loc="left")
    for spine in axes.spines.values():
        spine.set_visible(False)
