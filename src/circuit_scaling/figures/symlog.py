"""Axes that are linear within ±tau and logarithmic beyond: limits, ticks and lines at ±tau."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.scale import SymmetricalLogTransform
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from numpy.typing import NDArray

from circuit_scaling.figures.style import RULE

_SERIES = (1.0, 2.0, 5.0)


def symlog_limits(values: NDArray[np.float64], tau: float) -> tuple[float, float]:
    """Limits that hold ``values`` and ±2 tau with a margin of 5 % on the drawn scale."""
    transform = SymmetricalLogTransform(10, tau, 1)
    drawn = transform.transform(np.append(values, [-2 * tau, 2 * tau]))
    margin = 0.05 * float(drawn.max() - drawn.min())
    ends = np.array([drawn.min() - margin, drawn.max() + margin])
    low, high = transform.inverted().transform(ends)
    return float(low), float(high)


def symlog_axes(
    axes: Axes,
    tau: float,
    x: tuple[float, float],
    y: tuple[float, float],
    small: bool = False,
    lines_at: float | None = None,
) -> None:
    """Scale both axes, tick them at 0, ±tau and round values; ``small`` panels get fewer ticks.

    Dashed lines are at ±``lines_at``, or at ±tau.
    """
    axes.set_xscale("symlog", linthresh=tau)
    axes.set_yscale("symlog", linthresh=tau)
    axes.set_xlim(*x)
    axes.set_ylim(*y)
    for axis, limits in ((axes.xaxis, x), (axes.yaxis, y)):
        ticks = symlog_ticks(tau, max(map(abs, limits)), spacing=15.0 if small else 4.0)
        ticks = [tick for tick in ticks if limits[0] <= tick <= limits[1]]
        axis.set_major_locator(FixedLocator(ticks))
        # In a small panel the line at 0 has to do without its number.
        names = ["" if small and not tick else f"{tick:g}".replace("-", "−") for tick in ticks]
        axis.set_major_formatter(FixedFormatter(names))
        axis.set_minor_locator(NullLocator())
    axes.tick_params(which="major", labelsize=6 if small else 7)
    for sign in (-1, 1):
        end = sign * (lines_at or tau)
        axes.axvline(end, color=RULE, linewidth=0.7, linestyle=(0, (3, 2)), zorder=0.5)
        axes.axhline(end, color=RULE, linewidth=0.7, linestyle=(0, (3, 2)), zorder=0.5)
    axes.axvline(0, color=RULE, linewidth=0.4, zorder=0.4)
    axes.axhline(0, color=RULE, linewidth=0.4, zorder=0.4)


def symlog_ticks(tau: float, reach: float, spacing: float) -> list[float]:
    """0, ±tau and values of the 1-2-5 series up to ``reach``, each ``spacing`` times the last."""
    outer = [tau]
    first = math.floor(math.log10(tau))
    for power in range(first, math.ceil(math.log10(max(reach, tau))) + 1):
        for step in _SERIES:
            value = step * 10.0**power
            if value >= outer[-1] * spacing * (1 - 1e-9) and value <= reach:
                outer.append(value)
    return [-value for value in reversed(outer)] + [0.0] + outer
