"""Shares and counts of head categories, model by model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from circuit_scaling.figures.style import (
    CATEGORIES,
    QUIET,
    RULE,
    new_figure,
    nothing_to_draw,
    order_models,
    require_columns,
    short_names,
    styled,
)
from circuit_scaling.vocabulary import STRONG_CATEGORIES

_COUNTS = tuple(f"n_{category}" for category in CATEGORIES)
_SHARES = tuple(f"frac_{category}" for category in CATEGORIES)


@styled
def category_counts(head_category_summary: pd.DataFrame) -> Figure:
    """Stacked shares of the four categories, a bar per model, with the counts written beside it.

    ``head_category_summary`` has one row per model. The bars are what is seen; where the shares
    without noise are known (``frac_*_true``), a second panel shows those of the three categories
    that are not weak with their 95 % intervals.

    Raises:
        ValueError: a column is missing.
    """
    columns = ("family", "model", "n_heads_total", *_COUNTS, *_SHARES)
    require_columns(head_category_summary, columns, "category_counts")
    if head_category_summary.empty:
        return nothing_to_draw("no model has classified heads")
    models = order_models(head_category_summary)
    rows = head_category_summary.drop_duplicates("model").set_index("model").loc[models]
    intervals = _has_intervals(rows)
    figure = new_figure(0.27 * len(models) + 1.25)
    inches = 0.065 * _count_columns(rows)[-1][1]
    widths = (3.0, inches, 2.4) if intervals else (6.0 - inches, inches)
    bars, counts, *rest = figure.subplots(1, len(widths), sharey=True, width_ratios=widths)
    if intervals:
        _interval_panel(rest[0], rows)
    _bar_panel(bars, rows)
    _count_panel(counts, rows)
    bars.set_ylim(len(models) - 0.4, -0.6)
    handles = [Patch(color=look.colour, label=look.label) for look in CATEGORIES.values()]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure


def _has_intervals(rows: pd.DataFrame) -> bool:
    ends = [f"frac_{category}_{end}" for category in STRONG_CATEGORIES for end in ("low", "high")]
    present = [end for end in ends if end in rows.columns]
    return bool(rows[present].notna().to_numpy().any())


def _bar_panel(axes: Axes, rows: pd.DataFrame) -> None:
    left = np.zeros(len(rows))
    for category, look in CATEGORIES.items():
        share = rows[f"frac_{category}"].to_numpy(dtype=np.float64)
        axes.barh(
            np.arange(len(rows)),
            share,
            left=left,
            height=0.68,
            color=look.colour,
            edgecolor="white",
            linewidth=0.5,
            label=look.label,
        )
        left = left + np.nan_to_num(share)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.set_yticks(np.arange(len(rows)), list(short_names(rows.index).values()))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("share of the model's heads, as seen")


def _count_columns(rows: pd.DataFrame) -> list[tuple[str, float]]:
    """Columns of the counts with their right edges, in widths of a digit."""
    edge = 0.0
    columns = []
    for name in (*_COUNTS, "n_heads_total"):
        edge += max(len(str(count)) for count in rows[name]) + 2.0
        columns.append((name, edge))
    return columns


def _count_panel(axes: Axes, rows: pd.DataFrame) -> None:
    """The counts as a small table, so that a segment too thin for a number still has one."""
    columns = _count_columns(rows)
    axes.set_xlim(0, columns[-1][1] + 0.5)
    for name, edge in columns:
        for row, count in enumerate(rows[name]):
            axes.text(edge, row, str(count), ha="right", va="center", fontsize=7)
    for (_, edge), look in zip(columns, CATEGORIES.values(), strict=False):
        axes.plot([edge - 0.7], [-0.92], "s", markersize=5, color=look.colour, clip_on=False)
    axes.text(columns[-1][1], -0.75, "all", ha="right", va="bottom", fontsize=7, color=QUIET)
    axes.set_xticks([])
    axes.set_xlabel("heads", labelpad=15)  # level with the neighbours, which have tick labels
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _interval_panel(axes: Axes, rows: pd.DataFrame) -> None:
    for offset, category in zip((-0.22, 0.0, 0.22), STRONG_CATEGORIES, strict=True):
        look = CATEGORIES[category]
        share = rows[f"frac_{category}_true"].to_numpy(dtype=np.float64)
        low = rows[f"frac_{category}_low"].to_numpy(dtype=np.float64)
        high = rows[f"frac_{category}_high"].to_numpy(dtype=np.float64)
        at = np.arange(len(rows)) + offset
        axes.hlines(at, low, high, color=look.colour, linewidth=1.2, gid=f"interval_{category}")
        axes.plot(share, at, linestyle="none", marker="o", markersize=3.4, color=look.colour)
    for row, reason in enumerate(rows["shares_unknown"]):
        if reason:
            axes.annotate(
                "not known",
                (0, row),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=6.5,
                color=QUIET,
            )
    for row in range(len(rows) - 1):
        axes.axhline(row + 0.5, color=RULE, linewidth=0.3)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("share without noise,\n95 % interval")
