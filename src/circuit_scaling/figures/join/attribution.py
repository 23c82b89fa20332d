"""How far attribution scores, from one backward pass, agree with exact ablation."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from circuit_scaling.figures.style import (
    INK,
    RULE,
    Look,
    new_figure,
    nothing_to_draw,
    order_models,
    require_columns,
    short_names,
    styled,
    task_looks,
)
from circuit_scaling.vocabulary import POSITIONS, STUDY_TASKS

_MEASURES = {"spearman": "Spearman\ncorrelation", "top_overlap": "share of top\nheads found"}
_COLUMNS = (
    *("family", "model", "task", "ablation", "positions"),
    *("n_heads_compared", "spearman", "top_k", "top_overlap"),
)
_ABLATIONS: dict[str, Look] = {
    "zero": Look("zero", "#27364f", "o"),
    "mean": Look("mean", "#c8553d", "s"),
    "resample": Look("resample", "#6f9a37", "^"),
}
_APART = 0.25  # of the distance of two models, between two ablations


@styled
def attribution_agreement(attribution_agreement: pd.DataFrame) -> Figure:
    """Agreement of attribution scores and exact effects over the heads, a row per model.

    ``attribution_agreement`` has one row per model, task, ablation and positions; ``ioi`` and
    ``anti_names`` are drawn, each with a panel for the Spearman correlation and one for the share
    of the exact top k heads that attribution finds, with the share by chance, k / heads, as a grey
    bar. Values that are not defined are left out.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(attribution_agreement, _COLUMNS, "attribution_agreement")
    rows = of_name_tasks(attribution_agreement)
    if rows.empty:
        return nothing_to_draw("attribution was compared with no exact effect")
    models = order_models(rows)
    tasks = task_looks(rows["task"])
    figure = new_figure(0.34 * len(models) + 1.25)
    panels = figure.subplots(1, 2 * len(tasks), sharey=True, squeeze=False)[0]
    for index, (task, look) in enumerate(tasks.items()):
        of_task = rows[rows["task"] == task]
        for axes, (measure, label) in zip(panels[2 * index :], _MEASURES.items(), strict=False):
            _panel(axes, of_task, measure, models)
            axes.set_xlabel(label)
        panels[2 * index].set_title(look.label, loc="left")
    panels[0].set_yticks(np.arange(len(models)), list(short_names(models).values()))
    panels[0].set_ylim(len(models) - 0.5, -0.5)
    figure.legend(handles=_handles(rows), loc="outside upper left", ncols=6)
    return figure


def of_name_tasks(attribution_agreement: pd.DataFrame) -> pd.DataFrame:
    """The rows that the figure shows."""
    return attribution_agreement[attribution_agreement["task"].isin(STUDY_TASKS)]


def _panel(axes: Axes, rows: pd.DataFrame, measure: str, models: list[str]) -> None:
    for position in range(1, len(models)):
        axes.axhline(position - 0.5, color=RULE, linewidth=0.4, zorder=0.5)
    if measure == "top_overlap":
        sizes = rows.drop_duplicates("model").set_index("model")
        chance = (sizes["top_k"] / sizes["n_heads_compared"]).reindex(models)
        at = np.arange(len(models))
        axes.vlines(chance, at - 0.4, at + 0.4, color=RULE, linewidth=2.5, gid="chance")
    for order, (ablation, look) in enumerate(_ABLATIONS.items()):
        for positions in POSITIONS:
            chosen = (rows["ablation"] == ablation) & (rows["positions"] == positions)
            part = rows[chosen]
            axes.plot(
                part[measure].to_numpy(dtype=np.float64),
                [models.index(model) + _APART * (order - 1) for model in part["model"]],
                linestyle="none",
                marker=look.marker,
                markersize=3.5 if positions == "all" else 5.5,
                markeredgecolor=look.colour,
                markeredgewidth=0.8,
                markerfacecolor=look.colour if positions == "all" else "none",
                gid=f"{ablation}-{positions}",
            )
    lowest = np.nanmin(rows[measure].to_numpy(dtype=np.float64), initial=0.0)
    axes.set_xlim(lowest - 0.04, 1.04)
    axes.tick_params(axis="y", length=0)


def _handles(rows: pd.DataFrame) -> list[Line2D]:
    shapes = [
        Line2D([], [], linestyle="none", marker=look.marker, color=look.colour, label=look.label)
        for look in _ABLATIONS.values()
    ]
    hollow = Line2D(
        [], [], linestyle="none", marker="o", mfc="none", mec=INK, label="hollow: end only"
    )
    k = "/".join(str(size) for size in sorted(rows["top_k"].unique()))
    label = f"top {k} by chance"
    bar = Line2D([], [], linestyle="none", marker="|", mew=2.5, ms=8, color=RULE, label=label)
    return [*shapes, hollow, bar]
