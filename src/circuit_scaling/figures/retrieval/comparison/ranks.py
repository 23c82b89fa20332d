"""Ranks of single heads: where methods agree, questions and models differ, ranks move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from circuit_scaling.figures.retrieval.comparison.looks import Looks
from circuit_scaling.figures.retrieval.comparison.marks import (
    Values,
    dots,
    faint_grid,
    legend,
    look_handles,
    named_rows,
    rank_axis,
    spread_words,
    zero_line,
)
from circuit_scaling.figures.style import (
    INK,
    QUIET,
    RULE,
    WIDTH,
    Look,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
)

_AGREED, _DISAGREED = 12, 15  # heads
_OF_METHOD = 5  # heads of each method
_BAND = "#e9e6df"


@styled
def consensus_heads(mean_ranks: pd.DataFrame, looks: Looks) -> Figure:
    """Mean rank by every method of the heads on which methods agree best, the best on top.

    ``mean_ranks`` has one row per method and head, and ``consensus``: whether every method's mean
    rank of the head is below the consensus rank. Names of those are bold.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(mean_ranks, ("method", "head", "value", "consensus"), "consensus_heads")
    figure = _by_method(mean_ranks, looks, "mean rank over configurations", "consensus")
    return figure


@styled
def method_disagreement(mean_ranks: pd.DataFrame, looks: Looks) -> Figure:
    """The same of the heads whose mean rank differs most between methods.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(mean_ranks, ("method", "head", "value"), "method_disagreement")
    return _by_method(mean_ranks, looks, "mean rank over configurations")


def ranked_by_all(mean_ranks: pd.DataFrame) -> pd.DataFrame:
    """Mean ranks, head by method, of the heads that every method lists somewhere."""
    wide = mean_ranks.pivot(index="head", columns="method", values="value")
    return wide.dropna() if wide.shape[1] > 1 else wide.iloc[:0]


def agreed(mean_ranks: pd.DataFrame) -> pd.DataFrame:
    """Rows that the figure of consensus shows: heads with the lowest of their highest mean rank."""
    worst = ranked_by_all(mean_ranks).max(axis=1).sort_values(kind="stable")
    return _in_order(mean_ranks, worst.index[:_AGREED])


def disagreed(mean_ranks: pd.DataFrame) -> pd.DataFrame:
    """Rows that the figure of disagreement shows: heads with the largest differences."""
    wide = ranked_by_all(mean_ranks)
    spread = (wide.max(axis=1) - wide.min(axis=1)).sort_values(ascending=False, kind="stable")
    return _in_order(mean_ranks, spread.index[:_DISAGREED])


def _in_order(rows: pd.DataFrame, heads: pd.Index) -> pd.DataFrame:
    at = {head: index for index, head in enumerate(heads)}
    kept = rows[rows["head"].isin(heads)]
    return kept.sort_values("head", key=lambda names: names.map(at), kind="stable")


def _by_method(rows: pd.DataFrame, looks: Looks, what: str, bold: str | None = None) -> Figure:
    """A row per head in the order of ``rows``, a mark per method; bold where a column is true."""
    if rows.empty:
        return nothing_to_draw("no head is ranked by two methods")
    heads = list(dict.fromkeys(rows["head"]))
    figure = new_figure(0.2 * len(heads) + 1.15, 5.6)
    axes = figure.subplots()
    ends = rows.groupby("head", sort=False)["value"].agg(["min", "max"]).reindex(heads)
    at = np.arange(len(heads), dtype=np.float64)
    faint_grid(axes, "x")
    axes.hlines(at, ends["min"], ends["max"], color=RULE, linewidth=0.8, zorder=1)
    for method, look in looks.methods.items():
        of_method = rows[rows["method"] == method]
        places = np.array([heads.index(head) for head in of_method["head"]], dtype=np.float64)
        dots(axes, places, of_method, look, upright=False, gid=method)
    rank_axis(axes, rows)
    named_rows(axes, heads)
    if bold:
        of_head = rows.drop_duplicates("head").set_index("head")[bold]
        for label in axes.get_yticklabels():
            if of_head[label.get_text()]:
                label.set_fontweight("bold")
    notes = [what, spread_words(rows), "bold: a consensus of all methods" if bold else ""]
    axes.set_xlabel("\n".join(filter(None, notes)))
    legend(figure, look_handles(looks.methods.values(), line=False))
    return figure


@styled
def question_specialists(mean_ranks: pd.DataFrame, looks: Looks) -> Figure:
    """Heads that a method ranks much higher for one question than for the others.

    ``mean_ranks`` has one row per method, head and question: value, the mean rank; specialist,
    whether this is the head's own question.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(
        mean_ranks, ("method", "head", "question", "value", "specialist"), "question_specialists"
    )

    def draw(axes: Axes, rows: pd.DataFrame, at: Values, look: Look) -> None:
        ends = rows.assign(at=at).groupby("at")["value"].agg(["min", "max"])
        axes.hlines(ends.index, ends["min"], ends["max"], color=RULE, linewidth=0.8, zorder=1)
        for question, of_question in looks.questions.items():
            for own, more in ((False, {"markerfacecolor": "white"}), (True, {"markersize": 5})):
                here = (rows["question"] == question) & (rows["specialist"] == own)
                gid = f"{question}-own" if own else question
                dots(axes, at[here], rows[here], of_question, upright=False, gid=gid, **more)

    figure = _panels(mean_ranks, looks, draw, "no head has ranks for two questions")
    if figure.axes:
        for axes in figure.axes:
            rank_axis(axes, mean_ranks, narrow=len(figure.axes) > 3)
        figure.supxlabel(_lines("mean rank over models and lengths", mean_ranks))
        handles = look_handles(looks.questions.values(), line=False)
        own = Line2D([], [], ls="none", marker="o", color=INK, ms=5, label="full: its question")
        legend(figure, [*handles, own])
    return figure


def specialists(mean_ranks: pd.DataFrame, top: int) -> pd.DataFrame:
    """Rows that the figure shows: of each method the heads with the largest ratio of ranks.

    Others' mean over the own question's, among heads with a mean rank within the ``top`` for their
    own question.
    """
    shown = [mean_ranks.iloc[:0].assign(specialist=False)]
    for _, rows in mean_ranks.groupby("method", sort=False):
        wide = rows.pivot(index="head", columns="question", values="value").dropna()
        if wide.shape[1] < 2:
            continue
        own = wide.min(axis=1)
        others = (wide.sum(axis=1) - own) / (wide.shape[1] - 1)
        ratio = (others / own)[own <= top].sort_values(ascending=False, kind="stable")
        kept = _in_order(rows, ratio.index[:_OF_METHOD])
        is_own = kept["question"] == kept["head"].map(wide.idxmin(axis=1))
        shown.append(kept.assign(specialist=is_own))
    return pd.concat([part for part in shown if len(part)] or shown, ignore_index=True)


@styled
def instruct_vs_base_differences(changes: pd.DataFrame, looks: Looks) -> Figure:
    """Heads whose mean rank in the instruct model differs most from that in the base model.

    ``changes`` has one row per method and head, with ``usual``: the middle 90 % of the changes of
    all heads of the method lie within plus and minus this. Left: a better rank in the instruct
    model.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(changes, ("method", "head", "value", "usual"), "instruct_vs_base_differences")

    def draw(axes: Axes, rows: pd.DataFrame, at: Values, look: Look) -> None:
        usual = float(rows["usual"].iloc[0])
        axes.axvspan(-usual, usual, color=_BAND, linewidth=0, zorder=0.5, gid="usual")
        zero_line(axes, upright=False)
        axes.hlines(at, 0, rows["value"], color=look.colour, linewidth=0.6, alpha=0.5)
        dots(axes, at, rows, look, upright=False, gid=look.label)

    figure = _panels(changes, looks, draw, "no instruct model has its base model beside it")
    if figure.axes:
        words = "change of the mean rank from base to instruct (left: better)"
        figure.supxlabel(_lines(words, changes))
        figure.axes[0].xaxis.set_major_locator(MaxNLocator(4, symmetric=True))
        band = Line2D([], [], color=_BAND, linewidth=6, label="90 % of all heads")
        legend(figure, [band])
    return figure


def changed_most(changes: pd.DataFrame) -> pd.DataFrame:
    """Rows that the figure shows: of each method the heads with the largest changes."""
    shown = []
    for _, rows in changes.groupby("method", sort=False):
        size = rows["value"].abs()
        most = rows.loc[size.sort_values(ascending=False, kind="stable").index[: _OF_METHOD + 1]]
        shown.append(most.sort_values("value", kind="stable").assign(usual=size.quantile(0.9)))
    return pd.concat(shown, ignore_index=True) if shown else changes.assign(usual=np.nan)


@styled
def head_volatility(spread: pd.DataFrame, looks: Looks) -> Figure:
    """Heads whose rank moves most between configurations: from the best to the worst rank.

    ``spread`` has one row per method and head: low, high, sd, and value, the mean rank.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(spread, ("method", "head", "value", "low", "high", "sd"), "head_volatility")

    def draw(axes: Axes, rows: pd.DataFrame, at: Values, look: Look) -> None:
        colour = look.colour
        axes.hlines(at, rows["low"], rows["high"], color=colour, lw=3.5, alpha=0.3, gid="range")
        axes.plot(rows["value"], at, ls="none", marker=look.marker, color=colour, ms=4, gid="mean")
        for y, sd in zip(at, rows["sd"], strict=True):
            right: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
            axes.text(1.01, y, f"sd {sd:.0f}", fontsize=6, color=QUIET, **right)

    figure = _panels(spread, looks, draw, "no head is ranked in two configurations")
    if figure.axes:
        figure.axes[0].xaxis.set_major_locator(MaxNLocator(4))
        figure.supxlabel("rank: from the best to the worst of all configurations; mark: the mean")
    return figure


def most_volatile(spread: pd.DataFrame) -> pd.DataFrame:
    """Rows that the figure shows: of each method the heads with the largest sd."""
    ordered = spread[spread["sd"] > 0].sort_values("sd", ascending=False, kind="stable")
    return ordered.groupby("method", sort=False).head(_OF_METHOD)


def _panels(
    rows: pd.DataFrame,
    looks: Looks,
    draw: Callable[[Axes, pd.DataFrame, Values, Look], None],
    nothing: str,
) -> Figure:
    """A panel per method, a row per head in the order of ``rows``."""
    if rows.empty:
        return nothing_to_draw(nothing)
    methods = [method for method in looks.methods if method in set(rows["method"])]
    per_method = rows.groupby("method")["head"].nunique().max()
    figure = new_figure(0.2 * max(per_method, 3) + 1.25, WIDTH if len(methods) > 1 else 4.2)
    panels = figure.subplots(1, len(methods), sharex=True, squeeze=False)[0]
    for axes, method in zip(panels, methods, strict=True):
        of_method = rows[rows["method"] == method]
        heads = list(dict.fromkeys(of_method["head"]))
        faint_grid(axes, "x")
        at = np.array([heads.index(head) for head in of_method["head"]], dtype=np.float64)
        draw(axes, of_method, at, looks.methods[method])
        named_rows(axes, heads)
        axes.set_title(looks.methods[method].label, loc="left", fontsize=7.5)
    return figure


def _lines(what: str, rows: pd.DataFrame) -> str:
    return "\n".join(filter(None, [what, spread_words(rows)]))
