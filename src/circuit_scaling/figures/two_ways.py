"""The effects of the same heads measured in two ways, a panel per model or per task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from circuit_scaling.figures.style import (
    CROWD,
    INK,
    QUIET,
    RULE,
    WIDTH,
    new_figure,
    nothing_to_draw,
    order_models,
    panel_title,
    require_columns,
)
from circuit_scaling.figures.symlog import symlog_axes, symlog_limits
from circuit_scaling.vocabulary import ALPHA

_DIFFERS = "#b5651d"
_LETTERS = 100  # of names over all panels of a row


class Way(NamedTuple):
    """One of the two: the column of its effects, and what it is called on its axis."""

    column: str
    label: str


def two_ways(frame: pd.DataFrame, x: Way, y: Way, tau: float, figure_name: str) -> Figure:
    """Effects in one way against those in the other, a panel per model; see :func:`panels_of`.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(frame, ("family", "model", x.column, y.column, "q"), figure_name)
    return panels_of({m: frame[frame["model"] == m] for m in order_models(frame)}, x, y, tau)


def panels_of(
    parts: Mapping[str, pd.DataFrame], x: Way, y: Way, tau: float, in_a_row: int = 5
) -> Figure:
    """A panel for each of the named parts, a dot per head; axes are linear within tau.

    At most so many panels stand ``in_a_row``: the names of fewer need not be shortened as much.
    Heads on the diagonal do the same in both ways; those whose effects differ (``q`` below 0.05)
    are coloured, and the title of each panel counts them.
    """
    if not parts:
        return nothing_to_draw("no model was measured in both ways")
    frame = pd.concat(parts.values())
    columns = min(len(parts), in_a_row)
    rows = math.ceil(len(parts) / columns)
    width = WIDTH if columns > 1 else 4.6
    figure = new_figure(min(6.6 / columns, 3.6) * rows + 0.85, width)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    limits = [symlog_limits(frame[way.column].to_numpy(dtype=np.float64), tau) for way in (x, y)]
    ends = [min(low for low, _ in limits), max(high for _, high in limits)]
    for panel, (name, heads) in zip(panels, parts.items(), strict=False):
        symlog_axes(panel, tau, limits[0], limits[1], small=columns > 1)
        panel.plot(ends, ends, color=RULE, linewidth=0.8, zorder=0.6)
        _scatter(panel, heads, (x, y), crowded=len(frame) > CROWD)
        differ = f"{(heads['q'] < ALPHA).sum()} of {len(heads)}"
        panel_title(panel, name, differ, longest=_LETTERS // columns)
    for panel in panels[len(parts) :]:
        panel.set_axis_off()
    for panel in panels[max(0, len(parts) - columns) : len(parts)]:
        panel.tick_params(labelbottom=True)
    figure.supxlabel(f"{x.label}\n(both axes linear within ±τ = {tau:g}, logarithmic beyond)")
    figure.supylabel(y.label)
    figure.legend(
        handles=[
            _mark(_DIFFERS, 5, f"differ, q < {ALPHA:g}"),
            _mark(QUIET, 4, "not told apart"),
            Line2D([], [], color=RULE, label="the same in both"),
        ],
        loc="outside upper left",
        ncols=3,
        labelcolor=INK,
    )
    return figure


def _scatter(axes: Axes, heads: pd.DataFrame, ways: tuple[Way, Way], crowded: bool) -> None:
    """A dot per head; in SVG those of a ``crowded`` figure are pixels."""
    differs = (heads["q"] < ALPHA).to_numpy()
    for chosen, colour, size in ((~differs, QUIET, 8), (differs, _DIFFERS, 13)):
        axes.scatter(
            heads.loc[chosen, ways[0].column],
            heads.loc[chosen, ways[1].column],
            s=size,
            color=colour,
            edgecolor="white",
            linewidth=0.3,
            zorder=2,
            clip_on=False,
            rasterized=crowded,
            in_layout=False,
        )


def _mark(colour: str, size: float, label: str) -> Line2D:
    return Line2D([], [], linestyle="none", marker="o", color=colour, ms=size, label=label)
