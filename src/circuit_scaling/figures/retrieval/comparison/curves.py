"""Accuracies and their drops against the number of masked heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from circuit_scaling.figures.retrieval.axes import readable, two_lines
from circuit_scaling.figures.retrieval.comparison.looks import Looks
from circuit_scaling.figures.retrieval.comparison.marks import (
    bars,
    beside,
    dots,
    faint_grid,
    grid,
    legend,
    look_handles,
    named_rows,
    percent,
    spread,
    spread_words,
    zero_line,
)
from circuit_scaling.figures.style import (
    GREYED,
    INK,
    QUIET,
    Look,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
)
from circuit_scaling.vocabulary import EVERY_QUESTION, counted

_VALUES = ("value", "sd", "ci_low", "ci_high")
_MEANS = ("method", "question", "set_type", "k", *_VALUES, "baseline_accuracy", "floor")
_MOST_PANELS = 24
_MOST_LINES = 6
_NOTHING = "no heads were masked"
_ROWS = "#0b5d8f"
_DOTTED: Any = (0, (1, 1.2))


@styled
def figure8_option_a_by_question(accuracies: pd.DataFrame, looks: Looks) -> Figure:
    """Accuracy against masked heads, a panel per question, a line per method.

    ``accuracies`` has one row per method, question, set_type and k: ``value`` and ``sd`` over
    models and lengths, the interval where there is one, baseline_accuracy, and the floor: always
    giving the commonest answer. Solid: the best heads; dotted: random ones; both begin at the clean
    model.

    Raises:
        ValueError: a column is missing.
    """
    accuracies = _ready(accuracies, _MEANS, "figure8_option_a_by_question")
    panels = {
        look.label: accuracies[accuracies["question"] == question]
        for question, look in looks.questions.items()
    }
    return _accuracies(accuracies, panels, ("method", looks.methods), 2 if len(panels) < 5 else 4)


@styled
def figure8_option_b_by_method(accuracies: pd.DataFrame, looks: Looks) -> Figure:
    """The same, a panel per method, a line per question.

    Raises:
        ValueError: a column is missing.
    """
    accuracies = _ready(accuracies, _MEANS, "figure8_option_b_by_method")
    panels = {
        look.label: accuracies[accuracies["method"] == method]
        for method, look in looks.methods.items()
    }
    return _accuracies(accuracies, panels, ("question", looks.questions), 3)


@styled
def figure8_option_c_grid(accuracies: pd.DataFrame, looks: Looks) -> Figure:
    """The same, a panel per question and method.

    Where this would be more than 24 panels, the questions that come last are left out.

    Raises:
        ValueError: a column is missing.
    """
    accuracies = _ready(accuracies, _MEANS, "figure8_option_c_grid")
    most = max(1, _MOST_PANELS // max(len(looks.methods), 1))
    questions = dict(list(looks.questions.items())[:most])
    panels = {
        (question, method): accuracies[
            (accuracies["question"] == question) & (accuracies["method"] == method)
        ]
        for question in questions
        for method in looks.methods
    }
    figure = _accuracies(accuracies, panels, ("method", looks.methods), len(looks.methods))
    for axes, (question, method) in zip(figure.axes, panels, strict=False):
        axes.set_title("", loc="left")
        if method == next(iter(looks.methods)):
            axes.set_ylabel(two_lines(questions[question].label), fontsize=7)
        if question == next(iter(questions)):
            axes.set_title(looks.methods[method].label, loc="left", fontsize=7)
    return figure


def _ready(rows: pd.DataFrame, columns: Sequence[str], figure: str) -> pd.DataFrame:
    """The rows with the ends of their error bars.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(rows, columns, figure)
    return spread(rows)


def _accuracies(
    rows: pd.DataFrame,
    panels: Mapping[Any, pd.DataFrame],
    lines: tuple[str, Mapping[str, Look]],
    most: int,
) -> Figure:
    """Panels by title, at most so many beside each other, with a line for each look."""
    if rows.empty:
        return nothing_to_draw(_NOTHING)
    by, looks = lines
    n_rows, n_columns = grid(len(panels), most)
    height = {1: 2.2, 2: 1.9}.get(n_rows, 1.2)
    figure = new_figure(height * n_rows + 1.0)
    every = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (title, of_panel) in zip(every, panels.items(), strict=False):
        _accuracy_panel(axes, of_panel, by, looks)
        axes.set_title(str(title), loc="left", fontsize=7)
    _close(every, len(panels), n_columns)
    every[0].set_xticks(readable([0, *sorted(set(rows["k"]))]))
    every[0].set_ylim(-0.04, 1.04)
    percent(every[0], ticks=3 if n_rows > 2 else 4)
    figure.supylabel("right answers")
    figure.supxlabel(f"masked heads\n{spread_words(rows)}")
    shown = [look for key, look in looks.items() if key in set(rows[by])]
    floors = rows["floor"].notna().any() and by == "method"
    floor = Line2D([], [], color=QUIET, linestyle=(0, (1, 1.5)), linewidth=0.8, label="floor")
    handles = [*look_handles(shown, line=False), *_set_handles()]
    legend(figure, [*handles, floor] if floors else handles)
    return figure


def _accuracy_panel(axes: Axes, rows: pd.DataFrame, by: str, looks: Mapping[str, Look]) -> None:
    if rows.empty:
        axes.set_facecolor(GREYED)
        return
    if rows["question"].nunique() == 1 and rows["floor"].notna().any():
        floor = float(rows["floor"].max())
        axes.axhline(floor, color=QUIET, linestyle=(0, (1, 1.5)), linewidth=0.8, gid="floor")
    for key, look, beside_by in _beside(looks, rows):
        of_key = rows[rows[by] == key].sort_values("k")
        clean = float(of_key["baseline_accuracy"].mean())
        for set_type, gid in (("hero", key), ("random", f"{key}-random")):
            of_type = of_key[of_key["set_type"] == set_type]
            _line(axes, of_type, look, beside_by, gid, clean)


def _beside(looks: Mapping[Any, Look], rows: pd.DataFrame) -> Iterator[tuple[Any, Look, float]]:
    """Each look with a shift to the side, so that no interval hides another."""
    shifts = beside(len(looks), 0.03 * float(rows["k"].max()))
    return ((key, look, float(by)) for (key, look), by in zip(looks.items(), shifts, strict=True))


def _line(
    axes: Axes, rows: pd.DataFrame, look: Look, shift: float, gid: str, clean: float | None = None
) -> None:
    """Marks with intervals, and a line from ``clean`` where it is given; dotted of random sets.

    Random sets of the largest number of heads alone have no line.
    """
    if rows.empty:
        return
    at, value = rows["k"].to_numpy(np.float64) + shift, rows["value"].to_numpy(np.float64)
    random = gid.endswith("-random")
    bars(axes, at, rows, look.colour)
    style: dict[str, Any] = {"color": look.colour, "marker": look.marker, "markersize": 3.2}
    if random:
        style |= {"markerfacecolor": "white", "linewidth": 0.9, "linestyle": _DOTTED}
    if clean is not None and (len(rows) > 1 or not random):
        at, value = np.concatenate([[0], at]), np.concatenate([[clean], value])
    axes.plot(at, value, gid=gid, **style)


@styled
def model_comparison(model_drops: pd.DataFrame, looks: Looks) -> Figure:
    """Drop of the accuracy against masked heads, a line per model; at the most heads where many.

    ``model_drops`` has one row per model, set_type and k, with intervals where there are any.
    Solid: the best heads; dotted: random ones. More than six models are rows instead of lines, with
    the most masked heads of each.

    Raises:
        ValueError: a column is missing.
    """
    columns = ("model", "set_type", "k", *_VALUES)
    model_drops = _ready(model_drops, columns, "model_comparison")
    if model_drops.empty:
        return nothing_to_draw(_NOTHING)
    if model_drops["model"].nunique() > _MOST_LINES:
        return _model_rows(model_drops, looks)
    figure = new_figure(3.2, 5.0)
    axes = figure.subplots()
    _drop_lines(axes, model_drops, "model", looks.models)
    _finish_drops([axes], model_drops)
    shown = [look for model, look in looks.models.items() if model in set(model_drops["model"])]
    legend(figure, [*look_handles(shown, line=False), *_set_handles()])
    return figure


def _model_rows(model_drops: pd.DataFrame, looks: Looks) -> Figure:
    most = model_drops[model_drops["k"] == model_drops.groupby("model")["k"].transform("max")]
    models = [model for model in looks.models if model in set(most["model"])]
    figure = new_figure(0.17 * len(models) + 1.2, 5.4)
    axes = figure.subplots()
    look = Look("best heads", _ROWS)
    faint_grid(axes, "x")
    for set_type in ("random", "hero"):
        rows = most[most["set_type"] == set_type]
        at = np.array([models.index(model) for model in rows["model"]], dtype=np.float64)
        if set_type == "random":
            axes.plot(rows["value"], at, "|", color=QUIET, markersize=6, gid="random")
        else:
            dots(axes, at, rows, look, upright=False, gid="hero")
    ks = most.groupby("model")["k"].max()
    same = ks.nunique() == 1
    named_rows(axes, [m if same else f"{m} ({ks[m]})" for m in models], 6.5)
    zero_line(axes, upright=False)
    percent(axes, "x")
    heads = counted(ks.iloc[0], "head") if same else "as many heads as stand beside the model"
    axes.set_xlabel(f"drop of right answers, {heads} masked\n{spread_words(most)}")
    random = Line2D([], [], ls="none", marker="|", ms=6, color=QUIET, label="random heads")
    legend(figure, [*look_handles([look], line=False), random])
    return figure


@styled
def token_length_effect(length_drops: pd.DataFrame, looks: Looks) -> Figure:
    """Drop of the accuracy against masked heads, a panel per question, a line per token length.

    ``length_drops`` has one row per question, token_length, set_type and k; the question ``all`` is
    over all of them.

    Raises:
        ValueError: a column is missing.
    """
    columns = ("question", "token_length", "set_type", "k", *_VALUES)
    length_drops = _ready(length_drops, columns, "token_length_effect")
    if length_drops.empty:
        return nothing_to_draw(_NOTHING)
    labels = {name: look.label for name, look in looks.questions.items()}
    labels[EVERY_QUESTION] = "all questions"
    shown = [question for question in labels if question in set(length_drops["question"])]
    n_rows, n_columns = grid(len(shown), 5 if len(shown) == 5 else 4)
    figure = new_figure((1.9 if n_rows == 1 else 1.5) * n_rows + 0.9)
    every = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, question in zip(every, shown, strict=False):
        rows = length_drops[length_drops["question"] == question]
        _drop_lines(axes, rows, "token_length", looks.lengths)
        axes.set_title(two_lines(labels[question]), loc="left", fontsize=7)
    _close(every, len(shown), n_columns)
    _finish_drops(list(every), length_drops, figure)
    if length_drops["ci_low"].notna().any() and length_drops["ci_low"].isna().any():
        figure.supxlabel(f"masked heads\n{spread_words(length_drops)} (all questions together)")
    legend(figure, look_handles(looks.lengths.values(), line=False))
    return figure


def _drop_lines(axes: Axes, rows: pd.DataFrame, by: str, looks: Mapping[Any, Look]) -> None:
    zero_line(axes)
    for key, look, shift in _beside(looks, rows):
        of_key = rows[rows[by] == key].sort_values("k")
        for set_type, gid in (("hero", str(key)), ("random", f"{key}-random")):
            _line(axes, of_key[of_key["set_type"] == set_type], look, shift, gid, clean=0.0)


def _finish_drops(every: Sequence[Axes], rows: pd.DataFrame, figure: Figure | None = None) -> None:
    first = every[0]
    first.set_xticks(readable([0, *sorted(set(rows["k"]))]))
    percent(first)
    x, y = f"masked heads\n{spread_words(rows)}", "drop of right answers"
    if figure is None:
        first.set_xlabel(x)
        first.set_ylabel(y)
    else:
        figure.supxlabel(x)
        figure.supylabel(y)


def _close(every: np.ndarray, used: int, n_columns: int) -> None:
    """Hide panels that are not used; numbers stand below the last of each column."""
    for axes in every[used:]:
        axes.set_axis_off()
    for axes in every[max(0, used - n_columns) : used]:
        axes.tick_params(labelbottom=True)


def _set_handles() -> list[Line2D]:
    """Legend of the best heads and of random ones."""
    random: dict[str, Any] = {"linestyle": _DOTTED, "linewidth": 0.9, "markerfacecolor": "white"}
    return [
        Line2D([], [], color=INK, label="best heads"),
        Line2D([], [], color=INK, marker="o", markersize=3.2, label="random heads", **random),
    ]
