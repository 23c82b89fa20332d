"""Marks that the figures of the comparison share: values with intervals, levels, axes, legends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from circuit_scaling.figures.style import INK, QUIET, RULE, Look

Values = NDArray[np.float64]

CHANCE: dict[str, Any] = {"color": "#8a8a8a", "linewidth": 1.3}
CEILING: dict[str, Any] = {"color": INK, "linewidth": 0.9, "linestyle": (0, (1.5, 1.2))}
_OF_LETTER, _OF_HANDLE = 0.056, 0.5  # inches of a legend
_LEVELS = {"chance": (CHANCE, "chance"), "ceiling": (CEILING, "ceiling: halves of the samples")}


def spread(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with ``low`` and ``high``: their intervals, or where no row has one, one sd around."""
    if _has_intervals(rows):
        return rows.assign(low=rows["ci_low"], high=rows["ci_high"])
    return rows.assign(low=rows["value"] - rows["sd"], high=rows["value"] + rows["sd"])


def bounds(rows: pd.DataFrame) -> tuple[Values, Values]:
    """Ends of what is drawn around values: those of :func:`spread`, or else intervals."""
    ends = ("low", "high") if "low" in rows else ("ci_low", "ci_high")
    low, high = (rows[end].to_numpy(np.float64) for end in ends)
    return low, high


def bars(axes: Axes, at: Values, rows: pd.DataFrame, colour: str, upright: bool = True) -> None:
    """Lines around values at places ``at``, gid ``interval``; none where there is no interval."""
    low, high = bounds(rows)
    there = np.isfinite(low) & np.isfinite(high)
    if there.any():
        draw = axes.vlines if upright else axes.hlines
        draw(at[there], low[there], high[there], color=colour, linewidth=0.9, gid="interval")


def dots(
    axes: Axes, at: Values, rows: pd.DataFrame, look: Look, upright: bool = True, **more: Any
) -> None:
    """Values with their intervals; without a line between them unless ``more`` says so."""
    bars(axes, at, rows, look.colour, upright)
    value = rows["value"].to_numpy(np.float64)
    axes.plot(*((at, value) if upright else (value, at)), **{**_mark(look, "none"), **more})


def level(
    axes: Axes, kind: str, at: Values, values: Values, half: float, upright: bool = True
) -> None:
    """Short lines at ``values`` across the places ``at``, gid ``chance`` or ``ceiling``."""
    there = np.isfinite(values)
    if there.any():
        draw = axes.hlines if upright else axes.vlines
        style = _LEVELS[kind][0]
        draw(values[there], at[there] - half, at[there] + half, gid=kind, zorder=1.5, **style)


def level_handles(kinds: Iterable[str]) -> list[Line2D]:
    """Legend of such lines."""
    return [Line2D([], [], label=_LEVELS[kind][1], **_LEVELS[kind][0]) for kind in kinds]


def look_handles(looks: Iterable[Look], line: bool = True) -> list[Line2D]:
    """Legend of marks; with the line that joins them where there is one."""
    return [
        Line2D([], [], label=look.label, **_mark(look, look.line if line else "none"))
        for look in looks
    ]


def _mark(look: Look, line: Any) -> dict[str, Any]:
    return {"color": look.colour, "marker": look.marker, "markersize": 4, "linestyle": line}


def legend(figure: Figure, handles: Sequence[Any]) -> None:
    """Above all panels, from the left: in one line, or in columns as wide as the longest label."""
    if handles:
        inches = [_OF_LETTER * len(str(handle.get_label())) + _OF_HANDLE for handle in handles]
        fit = int(figure.get_figwidth() / max(inches))
        columns = len(handles) if sum(inches) < figure.get_figwidth() else max(fit, 1)
        figure.legend(handles=handles, loc="outside upper left", ncols=columns)


def beside(count: int, width: float) -> Values:
    """Offsets of ``count`` marks around one place, ``width`` from the first to the last."""
    return np.linspace(-width / 2, width / 2, count) if count > 1 else np.zeros(1)


def grid(count: int, most: int) -> tuple[int, int]:
    """Rows and columns of that many panels, at most so many beside each other."""
    columns = min(count, most)
    rows = math.ceil(count / columns)
    return rows, math.ceil(count / rows)


def percent(axes: Axes, which: str = "y", ticks: int = 4) -> None:
    """An axis of fractions of 1, written in percent."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def rank_axis(axes: Axes, rows: pd.DataFrame, narrow: bool = False) -> None:
    """A logarithmic horizontal axis for the values of these rows, in plain numbers."""
    low, high = bounds(rows)
    every = np.concatenate([rows["value"], low, high])
    every = every[np.isfinite(every) & (every >= 1)]
    first, last = float(every.min()), float(every.max())
    axes.set_xscale("log")
    axes.set_xlim(first / 1.25, last * 1.25)
    axes.xaxis.set_minor_locator(NullLocator())
    steps: tuple[float, ...]
    steps = (1, 3) if last > 30 * first else (1, 2, 5) if last > 5 * first else (1, 1.5, 2, 3, 5, 8)
    steps = (1,) if narrow and last > 12 * first else steps
    series = [m * 10**power for power in range(5) for m in steps]
    axes.xaxis.set_major_locator(
        FixedLocator([t for t in series if first / 1.25 <= t <= last * 1.25])
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def faint_grid(axes: Axes, which: str) -> None:
    """Lines behind the marks."""
    axes.grid(axis=which, color=RULE, linewidth=0.3)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def zero_line(axes: Axes, upright: bool = True) -> None:
    """Where nothing changes."""
    (axes.axhline if upright else axes.axvline)(0, color=QUIET, linewidth=0.6, zorder=0.8)


def named_rows(axes: Axes, names: Sequence[str], fontsize: float = 7) -> None:
    """Rows of a panel with their names, the first on top."""
    axes.set_yticks(np.arange(len(names)), list(names), fontsize=fontsize)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def spread_words(rows: pd.DataFrame) -> str:
    """What the lines around the values of these rows are."""
    low, high = bounds(rows)
    if not np.isfinite(high - low).any():
        return ""
    if _has_intervals(rows):
        return "lines around marks: 95 % intervals"
    return "lines around marks: ± one standard deviation over configurations"


def _has_intervals(rows: pd.DataFrame) -> bool:
    return bool(rows["ci_low"].notna().any())
