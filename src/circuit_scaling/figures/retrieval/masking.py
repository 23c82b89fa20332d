"""What is left of the answers as more of the best heads of a method are masked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from circuit_scaling.figures.retrieval.axes import readable, two_lines
from circuit_scaling.figures.style import (
    GREYED,
    INK,
    METHODS,
    QUESTIONS,
    QUIET,
    RANDOM,
    RANDOM_BAND,
    RULE,
    Look,
    new_figure,
    nothing_to_draw,
    order_models,
    require_columns,
    short_names,
    styled,
)
from circuit_scaling.vocabulary import ABLATION_MODES, EVERY_QUESTION, counted

_COLUMNS = (
    *("family", "model", "method", "question", "token_length", "ablation", "n_heads", "answered"),
    *("floor", "baseline_accuracy", "baseline_accuracy_low", "baseline_accuracy_high"),
    *("accuracy", "accuracy_low", "accuracy_high", "n_random", "reason"),
    *("random_accuracy", "random_accuracy_from", "random_accuracy_to"),
)
_APART = 0.26  # of a row, between two methods
_BESIDE = 0.012  # of the axis of numbers of heads, between two methods


@styled
def masking_overview(masking_summary: pd.DataFrame) -> Figure:
    """Share of right answers left with the most heads masked: a panel per length, a row per model.

    ``masking_summary`` has the rows of every model; the answered questions together, under the
    first of the ablations. Marks with 95 % intervals over filings: the best heads of each method;
    blue: random sets, their mean and the middle 95 % of them; the line across a row: the clean
    model. A model that answers no question of a length has no mark there.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(masking_summary, _COLUMNS, "masking_overview")
    rows = with_most_heads(masking_summary)
    if rows.empty:
        return nothing_to_draw("no model answers a question, or no heads were masked")
    models = order_models(masking_summary)
    lengths = sorted(set(masking_summary["token_length"]))
    methods = _methods(rows)
    figure = new_figure(0.3 * len(models) * max(len(methods), 2) ** 0.7 + 1.25)
    panels = figure.subplots(1, len(lengths), sharex=True, sharey=True, squeeze=False)[0]
    asked = set(zip(masking_summary["model"], masking_summary["token_length"], strict=True))
    for axes, length in zip(panels, lengths, strict=True):
        of_length = rows[rows["token_length"] == length]
        for at, model in enumerate(models):
            of_model = of_length[of_length["model"] == model]
            if len(of_model):
                _overview_row(axes, of_model, at, methods)
            else:
                why = "not answered" if (model, length) in asked else "not asked"
                axes.text(0.5, at, why, ha="center", va="center", fontsize=6, color=QUIET)
        axes.set_title(f"{length:,} tokens", loc="left", fontsize=7.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=RULE, linewidth=0.3)
        axes.set_axisbelow(True)
        _shares(axes, "x")
    heads = rows.groupby("model")["n_heads"].max()
    labels = [
        f"{name}\n({counted(heads[model], 'head')})" if model in heads.index else name
        for model, name in short_names(models).items()
    ]
    panels[0].set_yticks(np.arange(len(models)), labels)
    panels[0].set_ylim(len(models) - 0.5, -0.5)
    for axes in panels:
        for edge in range(1, len(models)):
            axes.axhline(edge - 0.5, color=RULE, linewidth=0.4)
    clean = Line2D([], [], color=INK, linewidth=1.2, label="clean model")
    handles = [*_of_methods(methods), _random_handle(), clean]
    figure.legend(handles=handles, loc="outside upper left", ncols=5)
    figure.supxlabel(f"right answers without the heads ({_ablation_of(rows)} ablation)")
    return figure


@styled
def masking(masking_summary: pd.DataFrame) -> Figure:
    """Accuracy of one model against the number of masked heads: questions by token lengths.

    ``masking_summary`` has the rows of one model; the first of the ablations is drawn. A line per
    method with 95 % intervals over filings; blue band and line: the middle 95 % of the random sets
    and their mean, in a method's own colour where its sets are matched to it; dashed: the clean
    model, which is 0 heads; dotted: the floor, always giving the commonest answer. A question that
    the clean model does not answer has a grey panel.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(masking_summary, _COLUMNS, "masking")
    rows = of_every_size(masking_summary)
    if rows.empty:
        return nothing_to_draw("no heads of the model were masked")
    questions = [question for question in QUESTIONS if question in set(rows["question"])]
    lengths = sorted(set(rows["token_length"]))
    methods = _methods(rows)
    figure = new_figure(1.28 * len(questions) + 1.0)
    panels = figure.subplots(len(questions), len(lengths), sharex=True, sharey=True, squeeze=False)
    for row, question in enumerate(questions):
        for column, length in enumerate(lengths):
            axes = panels[row, column]
            here = (rows["question"] == question) & (rows["token_length"] == length)
            _curves(axes, rows[here], methods)
            if not row:
                axes.set_title(f"{length:,} tokens", loc="left", fontsize=7.5)
        panels[row, 0].set_ylabel(two_lines(QUESTIONS[question]), fontsize=7)
    ticks = [0, *sorted(set(rows["n_heads"]))]
    panels[0, 0].set_xticks(readable(ticks))
    _shares(panels[0, 0], "y")
    floor = Line2D([], [], color=QUIET, linestyle=(0, (1, 1.5)), label="floor")
    clean = Line2D([], [], color=INK, linestyle=(0, (4, 2)), linewidth=0.7, label="clean model")
    handles = [*_of_methods(methods), _random_handle(), clean, floor]
    figure.legend(handles=handles, loc="outside upper left", ncols=6)
    model = rows["model"].iloc[0]
    figure.supxlabel(f"masked heads of {model} ({_ablation_of(rows)} ablation)")
    figure.supylabel("right answers")
    return figure


def of_every_size(masking_summary: pd.DataFrame) -> pd.DataFrame:
    """The rows that the figure of a model shows: the first of the ablations, sets that exist."""
    measured = masking_summary[masking_summary["accuracy"].notna()]
    modes = [mode for mode in ABLATION_MODES if mode in set(measured["ablation"])]
    return measured[measured["ablation"].isin(modes[:1])]


def with_most_heads(masking_summary: pd.DataFrame) -> pd.DataFrame:
    """Of these the answered questions together, with the most heads of each model and length."""
    rows = of_every_size(masking_summary)
    rows = rows[(rows["question"] == EVERY_QUESTION) & rows["answered"]]
    most = rows.groupby(["model", "token_length", "method"])["n_heads"].transform("max")
    return rows[rows["n_heads"] == most]


def _overview_row(axes: Axes, rows: pd.DataFrame, at: int, methods: dict[str, Look]) -> None:
    """One model at one length: a line of its own for each method around the middle of its row."""
    middle = (len(methods) - 1) / 2
    half = _APART * (middle + 0.6)
    clean = rows["baseline_accuracy"].iloc[0]
    axes.vlines(clean, at - half, at + half, color=INK, linewidth=1.2, zorder=3, gid="clean")
    for place, (method, look) in enumerate(methods.items()):
        for row in rows[rows["method"] == method].to_dict("records"):
            y = at + (place - middle) * _APART
            ends = (row["random_accuracy_from"], row["random_accuracy_to"])
            axes.hlines(y, *ends, color=RANDOM_BAND, linewidth=4, gid="random-range")
            axes.plot([row["random_accuracy"]], [y], "|", color=RANDOM, ms=5, mew=1.4, gid="random")
            bounds = (row["accuracy_low"], row["accuracy_high"])
            axes.hlines(y, *bounds, color=look.colour, linewidth=1.1, gid="interval")
            axes.plot([row["accuracy"]], [y], **_mark(look, 3.8), gid="top")


def _curves(axes: Axes, rows: pd.DataFrame, methods: dict[str, Look]) -> None:
    if rows.empty:
        axes.set_facecolor(GREYED)
        return
    answered = bool(rows["answered"].all())
    if not answered:
        axes.set_facecolor(GREYED)
        corner: dict[str, Any] = {"ha": "right", "va": "top", "transform": axes.transAxes}
        axes.text(0.97, 0.95, "not answered", fontsize=6, color=QUIET, **corner)
    clean = float(rows["baseline_accuracy"].iloc[0])
    axes.axhline(clean, color=INK, linewidth=0.7, linestyle=(0, (4, 2)), gid="clean")
    if rows["floor"].notna().any():
        axes.axhline(rows["floor"].max(), color=QUIET, linestyle=(0, (1, 1.5)), gid="floor")
    by_method = {m: rows[rows["method"] == m].sort_values("n_heads") for m in methods}
    _random(axes, {m: r for m, r in by_method.items() if len(r)}, methods, clean)
    most = float(rows["n_heads"].max())
    for place, (method, look) in enumerate(methods.items()):
        of_method = by_method[method]
        # Side by side, so that no interval hides another.
        beside = (place - (len(methods) - 1) / 2) * _BESIDE * most
        k = of_method["n_heads"].to_numpy(dtype=np.float64) + beside
        bounds = (of_method["accuracy_low"], of_method["accuracy_high"])
        axes.vlines(k, *bounds, color=look.colour, linewidth=0.8, gid="interval")
        left = np.concatenate([[clean], of_method["accuracy"]])
        line = {**_mark(look, 3), "linestyle": look.line}
        axes.plot(np.concatenate([[0], k]), left, **line, gid=method)


def _random(
    axes: Axes, by_method: dict[str, pd.DataFrame], methods: dict[str, Look], clean: float
) -> None:
    """Random sets: once where all methods share them, else each method's in its colour."""
    measures = ["n_heads", "random_accuracy", "random_accuracy_from", "random_accuracy_to"]
    series = {method: rows[measures].to_numpy(np.float64) for method, rows in by_method.items()}
    first = next(iter(series.values()))
    shared = all(np.array_equal(first, other, equal_nan=True) for other in series.values())
    for method, values in list(series.items())[:1] if shared else series.items():
        k, mean, low, high = values[~np.isnan(values[:, 1])].T
        line, band = (
            (RANDOM, RANDOM_BAND) if shared else (methods[method].colour, methods[method].colour)
        )
        alpha = 1.0 if shared else 0.12
        if len(k) == len(values):
            k, mean, low, high = (
                np.concatenate([[start], part])
                for start, part in zip((0, clean, clean, clean), (k, mean, low, high), strict=True)
            )
            axes.fill_between(
                k, low, high, color=band, alpha=alpha, linewidth=0, gid="random-range"
            )
            axes.plot(k, mean, color=line, linewidth=0.8, gid="random")
        else:  # drawn for some numbers of heads alone, so that there is no line between them
            axes.vlines(k, low, high, color=band, alpha=alpha, linewidth=5, gid="random-range")
            axes.plot(k, mean, "_", color=line, ms=6, mew=1.3, gid="random")


def _methods(rows: pd.DataFrame) -> dict[str, Look]:
    return {method: look for method, look in METHODS.items() if method in set(rows["method"])}


def _of_methods(methods: dict[str, Look]) -> list[Line2D]:
    return [
        Line2D([], [], **{**_mark(look, 3.5), "linestyle": look.line}, label=look.label)
        for look in methods.values()
    ]


def _mark(look: Look, size: float) -> dict[str, Any]:
    return {"color": look.colour, "marker": look.marker, "markersize": size}


def _random_handle() -> Patch:
    return Patch(facecolor=RANDOM_BAND, edgecolor=RANDOM, linewidth=0.8, label="random heads")


def _ablation_of(rows: pd.DataFrame) -> str:
    return str(rows["ablation"].iloc[0])


def _shares(axes: Axes, which: str) -> None:
    """An axis of shares from nothing to all, in percent."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks([0, 0.5, 1])
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    (axes.set_xlim if which == "x" else axes.set_ylim)(-0.06, 1.06)
