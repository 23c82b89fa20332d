"""How well each model does each task before anything is ablated."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuit_scaling.figures.by_size import handles
from circuit_scaling.figures.style import (
    QUIET,
    RULE,
    Look,
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
    wrapped,
)

_COLUMNS = ("family", "model", "task", "readout", "clean_metric", "low", "high", "competent")


@styled
def competence(competence: pd.DataFrame) -> Figure:
    """Clean logit contrast with its 95 % interval, a panel per task and a row per model.

    ``competence`` has one row per model and task; only rows whose ``readout`` is ``contrast`` are
    drawn, because the controls' readouts have no right answer. A model whose interval does not lie
    above 0 is hollow, one without an interval pale.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(competence, _COLUMNS, "competence")
    rows = competence[competence["readout"] == "contrast"]
    if rows.empty:
        return nothing_to_draw("no model has a clean contrast")
    models = order_models(rows)
    tasks = task_looks(rows["task"])
    families = family_looks(rows["family"])
    figure = new_figure(0.24 * len(models) + 1.25)
    panels = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
    for axes, (task, look) in zip(panels, tasks.items(), strict=True):
        _panel(axes, rows[rows["task"] == task], models, families)
        axes.set_title(wrapped(look.label), loc="left", fontsize=7.5)
    panels[0].set_yticks(np.arange(len(models)), list(short_names(models).values()))
    panels[0].set_ylim(len(models) - 0.5, -0.5)
    figure.supxlabel("clean metric: logit contrast of answer and distractor, 95 % interval")
    legend = handles(families, {"unable", *abilities(rows[["competent"]])})
    figure.legend(handles=legend, loc="outside upper left", ncols=6)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, models: list[str], families: dict[str, Look]) -> None:
    axes.axvline(0, color=QUIET, linewidth=0.7)
    for position in range(len(models)):
        axes.axhline(position, color=RULE, linewidth=0.3, zorder=0.5)
    numbers = rows[["clean_metric", "low", "high"]].to_numpy(dtype=np.float64)
    keys = zip(rows["model"], rows["family"], abilities(rows[["competent"]]), strict=True)
    for (model, family, ability), (metric, low, high) in zip(keys, numbers, strict=True):
        at = models.index(model)
        look = families[family]
        axes.hlines(at, low, high, color=look.colour, linewidth=1.2)
        axes.plot([metric], [at], **model_mark(look, ability))
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.08)
