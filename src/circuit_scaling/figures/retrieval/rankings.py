"""Which heads read the document: the score of every head of a model, by method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from circuit_scaling.figures.style import (
    INK,
    METHODS,
    QUIET,
    new_figure,
    nothing_to_draw,
    number,
    require_columns,
    styled,
)

_COLUMNS = ("model", "method", "question", "token_length", "layer", "head", "score", "answered")
_NAMED = 5  # heads per method
_PALE_TO_DARK = LinearSegmentedColormap.from_list(
    "scores", ["#f7f4ec", "#d3dfea", "#93aecb", "#4f6d96", "#1c2940"]
)


@styled
def score_map(head_rankings: pd.DataFrame) -> Figure:
    """Layer by head, a panel per method: scores averaged over answered questions and lengths.

    ``head_rankings`` has the rows of one model. Each method has its own scale, from 0 to its
    largest score; the strongest heads are framed and named below. A head that has no score is
    white. Where the model answers no question, all of them are drawn, and the figure says so.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(head_rankings, _COLUMNS, "retrieval_scores")
    scores = mean_scores(head_rankings)
    if scores["score"].isna().all():
        return nothing_to_draw("no head has a score")
    methods = [method for method in METHODS if method in set(scores["method"])]
    n_layers, n_heads = int(scores["layer"].max()) + 1, int(scores["head"].max()) + 1
    # Cells are about square unless that makes a figure too flat or too tall for a page.
    height = float(np.clip(2.1 * n_layers / n_heads, 1.0, 3.4))
    figure = new_figure(height + 1.35)
    panels = figure.subplots(1, len(methods), sharey=True, squeeze=False)[0]
    for axes, method in zip(panels, methods, strict=True):
        of_method = scores[scores["method"] == method]
        _panel(axes, of_method, (n_layers, n_heads))
        axes.set_title(METHODS[method].label, loc="left", fontsize=7.5)
    panels[0].set_ylabel("layer")
    n_asked = head_rankings.groupby(["question", "token_length"]).ngroups
    n_answered = head_rankings[head_rankings["answered"]].groupby(["question", "token_length"])
    over = (
        f"mean over the {n_answered.ngroups} of {n_asked} questions × lengths that it answers"
        if n_answered.ngroups
        else f"mean over all questions × lengths ({n_asked}); it answers none of them"
    )
    figure.suptitle(f"{head_rankings['model'].iloc[0]}: {over}", x=0.01, ha="left", fontsize=8)
    return figure


def mean_scores(head_rankings: pd.DataFrame) -> pd.DataFrame:
    """What the figure of a model shows: method, layer, head, score.

    The mean of a head's scores over the questions and lengths that the model answers, or over all
    of them where it answers none; without those that have no score.
    """
    answered = head_rankings[head_rankings["answered"]]
    rows = head_rankings if answered.empty else answered
    keys = ["model", "method", "layer", "head"]
    return rows.groupby(keys, sort=False)["score"].mean().reset_index()


def strongest(scores: pd.DataFrame, count: int = _NAMED) -> pd.DataFrame:
    """The best of the heads of one method that score above 0; equal ones in the order of layers."""
    found = scores[scores["score"] > 0].sort_values(["layer", "head"])
    return found.sort_values("score", ascending=False, kind="stable").head(count)


def _panel(axes: Axes, scores: pd.DataFrame, shape: tuple[int, int]) -> None:
    values = np.full(shape, np.nan)
    values[scores["layer"], scores["head"]] = scores["score"]
    axes.set_xlim(-0.5, shape[1] - 0.5)
    axes.set_ylim(shape[0] - 0.5, -0.5)
    if not np.isfinite(values).any():
        axes.set_xticks([])
        middle: dict[str, Any] = {"ha": "center", "va": "center", "transform": axes.transAxes}
        axes.text(0.5, 0.5, "no head has a score", fontsize=6.5, color=QUIET, **middle)
        return
    top = np.nanmax(values)
    image = axes.imshow(
        np.ma.masked_invalid(values),
        cmap=_PALE_TO_DARK,
        norm=Normalize(0, top if top > 0 else 1.0, clip=True),
        aspect="auto",
        interpolation="nearest",
        gid="scores",
    )
    named = strongest(scores)
    for layer, head in zip(named["layer"], named["head"], strict=True):
        corner = (head - 0.5, layer - 0.5)
        axes.add_patch(
            Rectangle(corner, 1, 1, fill=False, edgecolor="#d9762b", linewidth=1.1, gid="named")
        )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(8, integer=True, steps=[1, 2, 4, 5, 8, 10]))
    bar = axes.figure.colorbar(image, ax=axes, location="bottom", aspect=30, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=6, length=2)
    bar.locator = MaxNLocator(4)
    lines = [
        f"L{layer}H{head} {number(score, digits_of(top))}"
        for layer, head, score in zip(named["layer"], named["head"], named["score"], strict=True)
    ]
    written = "   ".join(lines[:3]) + "\n" + "   ".join(lines[3:]) if lines else "none above 0\n"
    bar.set_label(f"score\n{written}", fontsize=6.5, color=INK)
    axes.set_xlabel("head", fontsize=7, color=QUIET, labelpad=1)


def digits_of(top: float) -> int:
    """As many digits as tell scores up to this one apart: three that count."""
    return 2 if top >= 1 or top <= 0 else int(2 - np.floor(np.log10(top)))
