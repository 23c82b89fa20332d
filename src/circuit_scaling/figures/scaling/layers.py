"""Heads of each category in every layer of one model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from circuit_scaling.figures.style import (
    CATEGORIES,
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
    are counted and not drawn. Raises ValueError if a column is missing or
    there is more than one model.
    """
    require_columns(classified_heads, ("model", "layer", "n_layers", "category"), "layer_hist")
    if classified_heads["model"].nunique() > 1:
        raise ValueError("figure layer_hist: the table holds more than one model")
    if classified_heads.empty:
        return nothing_to_draw("the model has no heads")
    counts = layer_counts(classified_heads)
    figure = new_figure(2.6)
    axes = figure.subplots()
    below = np.zeros(len(counts))
    # Weak heads, which are most, stand on top: the others can be compared along the base.
    for category, look in CATEGORIES.items():
        height = counts[f"n_{category}"].to_numpy(dtype=np.float64)
        axes.bar(
            counts["layer"],
            height,
            bottom=below,
            width=0.8,
            color=look.colour,
            edgecolor="white",
            linewidth=0.5,
        )
        below = below + height
    axes.set_xlim(-0.6, len(counts) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(24, integer=True, min_n_ticks=1))
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
