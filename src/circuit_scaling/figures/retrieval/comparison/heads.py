"""Which heads are found again and again, in which layers they lie, and by which methods."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from circuit_scaling.figures.matrix import DARK_TO_PALE
from circuit_scaling.figures.retrieval.comparison.looks import Looks
from circuit_scaling.figures.retrieval.comparison.marks import (
    dots,
    faint_grid,
    grid,
    legend,
    level,
    level_handles,
    look_handles,
    named_rows,
    percent,
    spread_words,
)
from circuit_scaling.figures.retrieval.comparison.rows import places
from circuit_scaling.figures.style import (
    INK,
    QUIET,
    WIDTH,
    Look,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
)

_COLOURS = LinearSegmentedColormap.from_list("counts", DARK_TO_PALE[::-1])
_ALL = "#4f6d96"
_MOST_BARS = 40
_THICK = 7.0  # points, of a bar: lines are drawn faster than bars
_NOTHING = "no heads were ranked"


@styled
def universal_heads(shares: pd.DataFrame, layers: pd.DataFrame) -> Figure:
    """Left: the heads that most configurations of all methods find. Right: layers of found heads.

    ``shares`` has one row per head: name, value, the share of configurations with it in the top.
    ``layers`` has one row per layer: value, its share of what the most frequent heads are found.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(shares, ("name", "value"), "universal_heads")
    require_columns(layers, ("layer", "value"), "universal_heads")
    if shares.empty:
        return nothing_to_draw(_NOTHING)
    figure = new_figure(max(0.14 * len(shares) + 0.6, 2.2))
    left, right = figure.subplots(1, 2)
    at = np.arange(len(shares))
    faint_grid(left, "x")
    left.hlines(at, 0, shares["value"], color=_ALL, linewidth=_THICK, gid="heads")
    named_rows(left, list(shares["name"]), 6)
    left.set_xlim(0, 1)
    percent(left, "x")
    left.set_xlabel("configurations with the head among the best")
    faint_grid(right, "y")
    right.bar(layers["layer"], layers["value"], width=0.8, color=_ALL, gid="layers")
    right.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    percent(right)
    right.set_xlabel("layer")
    right.set_ylabel("share of what the most\nfrequent heads are found")
    return figure


@styled
def universal_heads_by_method(shares: pd.DataFrame, looks: Looks) -> Figure:
    """Of each method the heads that most of its configurations find, with chance where known.

    ``shares`` has one row per method and head: value, its interval, chance.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(shares, ("method", "head", "value", "chance"), "universal_heads_by_method")
    if shares.empty:
        return nothing_to_draw(_NOTHING)
    methods = [method for method in looks.methods if method in set(shares["method"])]
    most = int(shares.groupby("method").size().max())
    figure = new_figure(0.16 * most + 1.1, WIDTH if len(methods) > 1 else 4.2)
    panels = figure.subplots(1, len(methods), sharex=True, squeeze=False)[0]
    for axes, method in zip(panels, methods, strict=True):
        rows = shares[shares["method"] == method]
        at = np.arange(len(rows), dtype=np.float64)
        look = looks.methods[method]
        faint_grid(axes, "x")
        axes.hlines(at, 0, rows["value"], color=look.colour, lw=_THICK, alpha=0.35, gid="share")
        dots(axes, at, rows, look, upright=False, markersize=3, gid=method)
        level(axes, "chance", at, rows["chance"].to_numpy(np.float64), 0.5, upright=False)
        named_rows(axes, list(rows["head"]), 6.5)
        axes.set_title(look.label, loc="left", fontsize=7.5)
    panels[0].set_xlim(0, 1.03)
    percent(panels[0], "x", 4)
    words = ["configurations of the method with the head among its best", spread_words(shares)]
    figure.supxlabel("\n".join(filter(None, words)))
    legend(figure, level_handles(["chance"] if shares["chance"].notna().any() else []))
    return figure


@styled
def layer_distribution_by_method(shares: pd.DataFrame, looks: Looks) -> Figure:
    """In which layers the heads lie that a method finds most often.

    ``shares`` has one row per method and layer: value, a share of 1.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(shares, ("method", "layer", "value"), "layer_distribution_by_method")
    if shares.empty:
        return nothing_to_draw(_NOTHING)
    figure = new_figure(2.6)
    axes = figure.subplots()
    faint_grid(axes, "y")
    for method, look in looks.methods.items():
        rows = shares[shares["method"] == method].sort_values("layer")
        at = rows["layer"].to_numpy(np.float64)
        dots(axes, at, rows, look, linestyle=look.line, markersize=3.2, gid=method)
    axes.xaxis.set_major_locator(MaxNLocator(16, integer=True))
    axes.set_ylim(0, None)
    percent(axes)
    axes.set_xlabel("\n".join(filter(None, ["layer", spread_words(shares)])))
    axes.set_ylabel("share of what the most\nfrequent heads are found")
    legend(figure, look_handles(looks.methods.values()))
    return figure


@styled
def q4_head_patterns(counts: pd.DataFrame, looks: Looks) -> Figure:
    """Layer by head, a panel per question: in how many configurations a head is among the best.

    ``counts`` has one row per question and head: value, a count; heads without one are white.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(counts, ("question", "head", "value", "n"), "q4_head_patterns")
    if counts.empty:
        return nothing_to_draw(_NOTHING)
    questions = [question for question in looks.questions if question in set(counts["question"])]
    layers, heads = places(counts["head"])
    shape = (max(layers) + 1, max(heads) + 1)
    at = counts.assign(layer=layers, place=heads)
    n_rows, n_columns = grid(len(questions), 4)
    height = float(np.clip(6.4 / n_columns * shape[0] / shape[1], 1.0, 2.8))
    figure = new_figure(height * n_rows + 1.25, min(WIDTH, 1.2 + 2.6 * n_columns))
    every = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    scale = Normalize(0, max(float(counts["value"].max()), 1.0))
    for axes, question in zip(every, questions, strict=False):
        values = np.full(shape, np.nan)
        rows = at[at["question"] == question]
        values[rows["layer"], rows["place"]] = rows["value"]
        image = axes.imshow(
            np.ma.masked_invalid(values), cmap=_COLOURS, norm=scale, aspect="auto", gid=question
        )
        axes.set_title(looks.questions[question].label, loc="left", fontsize=7)
    for axes in every[len(questions) :]:
        axes.set_axis_off()
    for axis in (every[0].xaxis, every[0].yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 4, 5, 10]))
    every[(n_rows - 1) * n_columns].set_xlabel("head")
    figure.supylabel("layer")
    bar = figure.colorbar(image, ax=every, location="bottom", shrink=0.6, aspect=50)
    bar.outline.set_visible(False)
    bar.locator = MaxNLocator(5, integer=True)
    bar.set_label("configurations with the head among the best")
    return figure


@styled
def method_unique_heads(counts: pd.DataFrame, looks: Looks) -> Figure:
    """How many heads each method finds in any configuration, and how many no other method finds.

    ``counts`` has one row per method: total, unique, shared; the line is what all methods find.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(counts, ("method", "total", "unique", "shared"), "method_unique_heads")
    if counts.empty:
        return nothing_to_draw(_NOTHING)
    figure = new_figure(2.6, min(WIDTH, 2.4 + 1.1 * len(counts)))
    axes = figure.subplots()
    at = np.arange(len(counts))
    faint_grid(axes, "y")
    colours = [looks.methods[method].colour for method in counts["method"]]
    for shift, column, alpha in ((-0.19, "total", 0.35), (0.19, "unique", 1.0)):
        drawn = axes.bar(at + shift, counts[column], 0.34, color=colours, alpha=alpha, gid=column)
        axes.bar_label(drawn, fontsize=7, padding=1)
    axes.axhline(counts["shared"].iloc[0], color=INK, linewidth=0.9, ls=(0, (4, 2)), gid="shared")
    axes.set_xticks(at, [looks.methods[method].label for method in counts["method"]])
    axes.set_ylabel("heads")
    shared = f"found by every method: {counts['shared'].iloc[0]}"
    handles = [
        Patch(color=QUIET, alpha=0.35, label="found in any configuration"),
        Patch(color=QUIET, label="by this method alone"),
        Line2D([], [], color=INK, linewidth=0.9, ls=(0, (4, 2)), label=shared),
    ]
    legend(figure, handles)
    return figure


@styled
def method_pair_heads(pairs: pd.DataFrame, looks: Looks) -> Figure:
    """Heads that two methods find for the same question, a panel per pair of methods.

    ``pairs`` has one row per two methods, model and question: both, first, second (only by one of
    them), expected (both, by chance). More than 40 bars above each other are means over the
    questions of a model. The study's figure ``qr_wu24_overlap`` is the panel of QRHead and Wu24.

    Raises:
        ValueError: a column is missing.
    """
    columns = ("method", "other", "model", "question", "both", "first", "second", "expected")
    require_columns(pairs, columns, "method_pair_heads")
    if pairs.empty:
        return nothing_to_draw("no two methods rank heads for the same question")
    n_rows, n_columns = grid(pairs.groupby(["method", "other"]).ngroups, 3)
    rows = _few_bars(pairs, _MOST_BARS // n_rows)
    panels = list(rows.groupby(["method", "other"], sort=False))
    bars = rows[["model", "question"]].drop_duplicates()
    figure = new_figure((0.155 * len(bars) + 0.45) * n_rows + 0.8)
    every = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    places_of = {key: index for index, key in enumerate(bars.itertuples(index=False, name=None))}
    for axes, ((first, second), of_pair) in zip(every, panels, strict=False):
        looked = (looks.methods[str(first)], looks.methods[str(second)])
        _stacked(axes, of_pair, looked, places_of)
    for axes in every[len(panels) :]:
        axes.set_axis_off()
    names = _bar_names(bars, looks)
    named_rows(every[0], names, 6)
    for axes in every[::n_columns]:
        axes.tick_params(axis="y", labelsize=6)
    figure.supxlabel("heads among the best of a question over its lengths")
    both = Patch(color=INK, label="found by both")
    alone = Patch(color=QUIET, alpha=0.45, label="in a method's colour: by it alone")
    legend(figure, [both, alone, *level_handles(["chance"])])
    return figure


def _few_bars(pairs: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many bars in a panel, or one for each model."""
    if len(pairs[["model", "question"]].drop_duplicates()) <= most:
        return pairs
    counts = ["both", "first", "second", "expected"]
    means = pairs.groupby(["method", "other", "model"], sort=False)[counts].mean().reset_index()
    return means.assign(question="")


def _bar_names(bars: pd.DataFrame, looks: Looks) -> list[str]:
    """Model and question of each bar, without what is the same for all."""
    several = {name: bars[name].nunique() > 1 for name in ("model", "question")}
    labels = bars["question"].map(lambda q: looks.questions[q].label if q in looks.questions else q)
    if several["model"] and several["question"]:
        return [f"{model}, {label}" for model, label in zip(bars["model"], labels, strict=True)]
    return list(bars["model"] if not several["question"] else labels)


def _stacked(
    axes: Axes, rows: pd.DataFrame, looked: tuple[Look, Look], places_of: dict[tuple[str, str], int]
) -> None:
    at = np.array([places_of[key] for key in zip(rows["model"], rows["question"], strict=True)])
    start = np.zeros(len(rows))
    colours = {"both": (INK, 1.0), "first": (looked[0].colour, 0.45)}
    colours["second"] = (looked[1].colour, 0.45)
    for column, (colour, alpha) in colours.items():
        width = rows[column].to_numpy(np.float64)
        axes.hlines(at, start, start + width, color=colour, alpha=alpha, lw=_THICK, gid=column)
        start = start + width
    axes.set_xlim(0, None)
    level(axes, "chance", at.astype(float), rows["expected"].to_numpy(np.float64), 0.45, False)
    axes.set_title(f"{looked[0].label} –\n{looked[1].label}", loc="left", fontsize=6.5)
    axes.tick_params(axis="y", length=0)


@styled
def score_dominance(gaps: pd.DataFrame, means: pd.DataFrame, looks: Looks) -> Figure:
    """By how much the best score is above the second: counts of configurations, per method.

    ``gaps`` has one row per configuration: gap, a share of the best score. ``means`` is the finding
    ``f6_gap`` with its intervals.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(gaps, ("method", "gap"), "score_dominance")
    require_columns(means, ("method", "value", "ci_low", "ci_high"), "score_dominance")
    if gaps.empty:
        return nothing_to_draw("no configuration has two scores")
    methods = [method for method in looks.methods if method in set(gaps["method"])]
    figure = new_figure(2.3, min(WIDTH, 1.4 + 2.2 * len(methods)))
    panels = figure.subplots(1, len(methods), sharex=True, sharey=True, squeeze=False)[0]
    edges = np.linspace(0, max(float(gaps["gap"].max()), 0.05), 16)
    for axes, method in zip(panels, methods, strict=True):
        look = looks.methods[method]
        values = gaps.loc[gaps["method"] == method, "gap"]
        axes.hist(values, edges, color=look.colour, alpha=0.55, gid=method)
        for mean in means[means["method"] == method].to_dict("records"):
            if np.isfinite(mean["ci_low"]):
                axes.axvspan(
                    mean["ci_low"], mean["ci_high"], color=INK, alpha=0.12, lw=0, gid="interval"
                )
            axes.axvline(mean["value"], color=INK, linewidth=0.9, gid="mean")
        axes.set_title(look.label, loc="left", fontsize=7.5)
    panels[0].xaxis.set_major_locator(MaxNLocator(4))
    panels[0].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    panels[0].yaxis.set_major_locator(MaxNLocator(4, integer=True))
    panels[0].set_ylabel("configurations")
    figure.supxlabel("distance of the best score to the second, as a share of the best")
    handles = [Line2D([], [], color=INK, linewidth=0.9, label="mean")]
    if means["ci_low"].notna().any():
        handles.append(Line2D([], [], color=INK, alpha=0.2, linewidth=6, label="95 % interval"))
    legend(figure, handles)
    return figure
