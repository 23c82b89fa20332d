"""Heads of each category in every layer of one model, at one threshold and at several."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from circuit_scaling.figures.style import (
    CATEGORIES,
    REMARK,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
)


@styled
def layer_hist(classified_heads: pd.DataFrame) -> Figure:
    """Stacked counts of heads by category, a bar per layer.

    ``classified_heads`` has one row per head of one model. Where its ``n_layers`` is known, layers
    without a head in the table have an empty bar, and heads of layers that the model does not have
    are counted and not drawn.

    Raises:
        ValueError: a column is missing, or there is more than one model.
    """
    require_columns(classified_heads, ("model", "layer", "n_layers", "category"), "layer_hist")
    if classified_heads["model"].nunique() > 1:
        raise ValueError("figure layer_hist: the table holds more than one model")
    if classified_heads.empty:
        return nothing_to_draw("the model has no heads")
    counts = layer_counts(classified_heads)
    figure = new_figure(2.6)
    axes = figure.subplots()
    _stack(axes, counts)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.set_xlabel("layer")
    axes.set_ylabel("heads")
    outside = len(classified_heads) - int(counts.drop(columns="layer").to_numpy().sum())
    note = f" ({outside} more in layers that it does not have)" if outside else ""
    axes.set_title(f"{classified_heads['model'].iloc[0]}{note}", loc="left")
    handles = [
        Patch(color=look.colour, label=f"{look.label} ({int(counts[f'n_{category}'].sum())})")
        for category, look in CATEGORIES.items()
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))
    return figure


@styled
def layer_hist_taus(heads_at_taus: pd.DataFrame) -> Figure:
    """The counts of :func:`layer_hist` at several thresholds: a panel per ``tau``.

    ``heads_at_taus`` has one row per threshold and head of one model, with its category there.

    Raises:
        ValueError: a column is missing, or there is more than one model.
    """
    columns = ("tau", "model", "layer", "n_layers", "category")
    require_columns(heads_at_taus, columns, "layer_hist_taus")
    if heads_at_taus["model"].nunique() > 1:
        raise ValueError("figure layer_hist_taus: the table holds more than one model")
    if heads_at_taus.empty:
        return nothing_to_draw("the model has no heads")
    taus = sorted(heads_at_taus["tau"].unique())
    figure = new_figure(0.85 * len(taus) + 0.9)
    panels = figure.subplots(len(taus), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, tau in zip(panels, taus, strict=True):
        counts = layer_counts(heads_at_taus[heads_at_taus["tau"] == tau])
        _stack(axes, counts)
        totals = counts.drop(columns="layer").sum()
        numbers = [f"{look.label} {totals[f'n_{name}']}" for name, look in CATEGORIES.items()]
        axes.set_title(f"τ = {tau:g}", loc="left", fontsize=7)
        axes.set_title(" · ".join(numbers), loc="right", **REMARK)
    panels[0].yaxis.set_major_locator(MaxNLocator(3, integer=True, min_n_ticks=1))
    panels[-1].set_xlabel(f"layer of {heads_at_taus['model'].iloc[0]}")
    figure.supylabel("heads")
    handles = [Patch(color=look.colour, label=look.label) for look in CATEGORIES.values()]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure


def layer_counts_at_taus(heads_at_taus: pd.DataFrame) -> pd.DataFrame:
    """A row per threshold and layer with the number of heads in each category."""
    parts = [
        layer_counts(rows).assign(tau=tau) for tau, rows in heads_at_taus.groupby("tau", sort=True)
    ]
    counts = pd.concat(parts, ignore_index=True)
    return counts[["tau", *(name for name in counts if name != "tau")]]


def _stack(axes: Axes, counts: pd.DataFrame) -> None:
    """A bar per layer, gid ``heads-...`` by category, in one collection each, which is fast."""
    left = counts["layer"].to_numpy(dtype=np.float64) - 0.4
    below = np.zeros(len(counts))
    # Weak heads, which are most, stand on top: the others can be compared along the base.
    for category, look in CATEGORIES.items():
        above = below + counts[f"n_{category}"].to_numpy(dtype=np.float64)
        x = np.stack([left, left + 0.8, left + 0.8, left], axis=1)
        y = np.stack([below, below, above, above], axis=1)
        bars = PolyCollection(
            list(np.stack([x, y], axis=2)),
            facecolor=look.colour,
            edgecolor="white",
            linewidth=0.4,
            gid=f"heads-{category}",
        )
        axes.add_collection(bars)
        below = above
    axes.set_xlim(-0.6, len(counts) - 0.4)
    axes.set_ylim(0, max(float(below.max()), 1.0) * 1.04)
    axes.xaxis.set_major_locator(MaxNLocator(24, integer=True, min_n_ticks=1))


def layer_counts(classified_heads: pd.DataFrame) -> pd.DataFrame:
    """A row per layer with the number of heads in each category: what the figure shows."""
    deepest = classified_heads[["layer", "n_layers"]].max()
    known = deepest["n_layers"] if pd.notna(deepest["n_layers"]) else deepest["layer"] + 1
    layers = np.arange(int(known))
    by_layer = classified_heads.groupby(["category", "layer"]).size()
    counts = {
        f"n_{category}": by_layer.reindex(
            pd.MultiIndex.from_product([[category], layers]), fill_value=0
        ).to_numpy()
        for category in CATEGORIES
    }
    return pd.DataFrame({"layer": layers, **counts})
