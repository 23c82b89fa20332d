"""The plot of the benchmarks: speed by layer, and the cost law."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # before pyplot: there may be no screen
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from benchmarks.measuring import Result

_ROADS = {"hook_loop": ("hook loop", "#3b6ea5"), "patching_helper": ("patching helper", "#c98a2b")}
_PREDICTORS = {
    "law": ("heads × layers × (layers + 1) / 2", "#c98a2b", "s"),
    "operations": ("necessary operations", "#3b6ea5", "o"),
}


def draw(compared: Sequence[Result], costs: Sequence[Result], file: Path) -> bool:
    """Draw what has been measured; whether there was anything."""
    if not compared or not costs:
        return False
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    _speed(left, compared[0])
    _law(right, costs[-1])
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150)
    plt.close(figure)
    return True


def _speed(axes: Axes, result: Result) -> None:
    """How many times as long the other roads take, layer by layer."""
    seconds = result["seconds_by_layer"]
    places = np.arange(len(result["layers"]))
    width = 0.8 / len(_ROADS)
    for index, (road, (name, colour)) in enumerate(_ROADS.items()):
        ratios = np.array(seconds[road]) / np.array(seconds["engine"])
        label = f"{name}: {result['ratio'][road]:.1f}× in all"
        axes.bar(places + (index - 0.5) * width, ratios, width, color=colour, label=label)
    axes.axhline(1.0, color="0.4", linewidth=0.8)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_ylim(top=axes.get_ylim()[1] * 3)  # room for the legend
    axes.set_xticks(places, result["layers"])
    axes.set_xlabel("layer of the heads")
    axes.set_ylabel("times as long as the engine")
    axes.set_title(f"{result['shape']}, {result['prompts']} × {result['positions']} tokens")
    axes.legend(frameon=False, loc="upper left")


def _law(axes: Axes, cost: Result) -> None:
    """Seconds against each predictor, all relative to the base shape."""
    points = [point for point in cost["points"] if point["in_grid"]]
    base = next(p for p in cost["points"] if all(p[k] == v for k, v in cost["base"].items()))
    seconds = np.array([point["seconds"] for point in points]) / base["seconds"]
    for predictor, (name, colour, marker) in _PREDICTORS.items():
        fit = cost[predictor]
        sizes = np.array([point[predictor] for point in points]) * fit["factor"] / base["seconds"]
        label = f"{name}, R² {fit['r_squared']:.3f}"
        axes.plot(sizes, seconds, marker, color=colour, alpha=0.8, label=label)
    ends = [seconds.min(), seconds.max()]
    axes.plot(ends, ends, color="0.4", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("expected time, in scans of the base shape")
    axes.set_ylabel("measured time")
    axes.set_title("Layers × heads")
    axes.legend(frameon=False, loc="upper left")
