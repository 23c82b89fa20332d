"""What figures against model size share: the axis, marks that do not cover each other, legends."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from circuit_scaling.figures.style import INK, NOT_FULL, Look, filled, model_mark

_APART = 0.018  # of the axis, between two models that would cover each other


def places(params_m: pd.Series[float]) -> NDArray[np.float64]:
    """Where to draw models on a logarithmic axis of sizes in millions of parameters.

    Models of nearly one size stand side by side around it, in the order of the rows.
    """
    size = np.log10(params_m.to_numpy(dtype=np.float64))
    if not size.size:
        return size
    apart = _APART * max(float(np.ptp(size)), 0.1)
    order = np.argsort(size, kind="stable")
    placed = size.copy()
    start = 0
    for index in range(1, len(order) + 1):
        if index == len(order) or size[order[index]] - size[order[start]] > apart:
            group = np.sort(order[start:index])
            placed[group] = size[group].mean() + apart * (
                np.arange(len(group)) - (len(group) - 1) / 2
            )
            start = index
    return np.asarray(10.0**placed)


def size_axis(axes: Axes, at: NDArray[np.float64]) -> None:
    """A logarithmic axis of parameters with plain numbers, a few of the 1-2-5 series."""
    axes.set_xscale("log")
    low, high = np.log10(at.min()), np.log10(at.max())
    margin = 0.08 * max(high - low, 0.1)
    axes.set_xlim(10 ** (low - margin), 10 ** (high + margin))
    ticks = _ticks(10 ** (low - margin), 10 ** (high + margin)) or [float(f"{10**low:.3g}")]
    axes.set_xticks(ticks, minor=False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)


def size_label(unsized: int) -> str:
    """The label of that axis, with how many models are not on it for lack of a size."""
    note = f"; {unsized} without a known size left out" if unsized else ""
    return f"parameters (millions{note})"


def mark(
    axes: Axes, at: float, value: float, bounds: tuple[float, float], look: Look, ability: str
) -> None:
    """One model, gid ``model``, with its interval where there is one, gid ``interval``."""
    axes.vlines(at, *bounds, color=look.colour, linewidth=1.0, gid="interval")
    axes.plot([at], [value], **model_mark(look, ability))


def handles(families: dict[str, Look], drawn: Collection[str]) -> list[Line2D]:
    """Legend of families, and of what marks mean that are not full, as far as they are drawn.

    ``drawn`` are the abilities (see :func:`~circuit_scaling.figures.style.abilities`) of the marks.
    """
    lines = [
        Line2D([], [], linestyle="none", marker=look.marker, color=look.colour, label=look.label)
        for look in families.values()
    ]
    for ability, label in NOT_FULL.items():
        if ability in drawn:
            face = filled(INK, ability)
            lines.append(
                Line2D([], [], linestyle="none", marker="o", mfc=face, mec=INK, label=label)
            )
    return lines


def _ticks(low: float, high: float) -> list[float]:
    """Two to five round values inside the limits, spaced evenly on the drawn scale or nearly so."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    inside: list[float] = []
    for steps in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)):
        values = [round(step * 10.0**power, 12) for power in powers for step in steps]
        inside = [value for value in values if low <= value <= high]
        if len(inside) >= 3:
            break
    return inside
