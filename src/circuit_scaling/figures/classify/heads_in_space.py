"""Heads in the space of their two effects: which can be drawn, their marks, bars and legends."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from circuit_scaling.figures.style import (
    CATEGORIES,
    COMPETENT_ON_BOTH,
    INK,
    both_abilities,
    family_looks,
    filled,
)
from circuit_scaling.figures.symlog import symlog_limits

COLUMNS = (
    *("family", "model", "layer", "head", "category", "strength"),
    *("delta_ioi", "delta_anti_names", "se_ioi", "se_anti_names"),
    *COMPETENT_ON_BOTH,
)


def drawable(classified_heads: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Heads with both effects, with the column ``ability``; and how many lack one."""
    both = classified_heads[["delta_ioi", "delta_anti_names"]].notna().all(axis=1)
    heads = classified_heads[both].copy()
    heads["ability"] = both_abilities(heads)
    return heads, int((~both).sum())


def limits_of(heads: pd.DataFrame, tau: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of both axes, which are linear within ``tau``."""
    x = symlog_limits(heads["delta_ioi"].to_numpy(dtype=np.float64), tau)
    y = symlog_limits(heads["delta_anti_names"].to_numpy(dtype=np.float64), tau)
    return x, y


def scatter(axes: Axes, heads: pd.DataFrame, size: float, crowded: bool) -> None:
    """One collection per category, family and fill, gid ``heads-...``; weak heads lie lowest.

    In SVG marks of a ``crowded`` figure are pixels.
    """
    looks = family_looks(heads["family"])
    for layer, category in enumerate(reversed(CATEGORIES)):
        for family, look in looks.items():
            for ability in ("unable", "unknown", "able"):
                chosen = (heads["category"] == category) & (heads["family"] == family)
                group = heads[chosen & (heads["ability"] == ability)]
                if group.empty:
                    continue
                colour = CATEGORIES[category].colour
                full = ability == "able"
                axes.scatter(
                    group["delta_ioi"],
                    group["delta_anti_names"],
                    s=size * (0.7 if category == "weak" else 1.0),
                    marker=look.marker,
                    facecolor="none" if ability == "unable" else filled(colour, ability),
                    edgecolor="white" if full else colour,
                    linewidth=0.35 if full else 0.8,
                    zorder=2 + 0.1 * layer,
                    gid=f"heads-{category}-{family}-{ability}",
                    clip_on=False,
                    rasterized=crowded,
                    in_layout=False,
                )


def effects_of(heads: pd.DataFrame) -> NDArray[np.float64]:
    """Both effects [heads, 2]."""
    return heads[["delta_ioi", "delta_anti_names"]].to_numpy(dtype=np.float64)


def errors_of(heads: pd.DataFrame) -> NDArray[np.float64]:
    """Standard errors [heads, 2]; a missing one is 0, which draws no bar."""
    errors = heads[["se_ioi", "se_anti_names"]].to_numpy(dtype=np.float64)
    return np.asarray(np.nan_to_num(errors))


def bars(axes: Axes, heads: pd.DataFrame, width: float, colour: str, crowded: bool = False) -> None:
    """Bars of ``width`` standard errors on each side."""
    errors = width * errors_of(heads)
    axes.errorbar(
        heads["delta_ioi"],
        heads["delta_anti_names"],
        xerr=errors[:, 0],
        yerr=errors[:, 1],
        fmt="none",
        ecolor=colour,
        elinewidth=0.6,
        zorder=1.9,
        rasterized=crowded,
    )


def category_handles(heads: pd.DataFrame) -> list[Line2D]:
    """Legend of the categories, with the number of heads in each."""
    counts = heads["category"].value_counts()
    return [
        dot(f"{look.label} ({counts.get(category, 0)})", look.colour)
        for category, look in CATEGORIES.items()
    ]


def remark_dot(ability: str, label: str) -> Line2D:
    """Legend of a mark that is not full; see ``abilities``."""
    face = filled(INK, ability)
    return Line2D([], [], linestyle="none", marker="o", mfc=face, mec=INK, ms=5, label=label)


def dot(label: str, colour: str, marker: str = "o") -> Line2D:
    """Legend of a full mark; of the colour ``none``, a heading of the legend."""
    return Line2D(
        [], [], linestyle="none", marker=marker, mfc=colour, mec="white", mew=0.4, ms=6, label=label
    )
