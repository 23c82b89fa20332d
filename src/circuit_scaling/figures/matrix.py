"""A table of numbers as coloured cells with the numbers written in them."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from numpy.typing import NDArray

from circuit_scaling.figures.style import QUIET, number

_DARK = 0.45  # of the scale: below it numbers are white

# From the low end to the high one: pale is agreement or weakness, dark what needs the eye.
COLOURS: Colormap = LinearSegmentedColormap.from_list(
    "dark_to_pale", ("#27364f", "#4f6d96", "#93aecb", "#d3dfea", "#fbf7ee")
)


def draw_matrix(
    axes: Axes, values: NDArray[np.float64], scale: Normalize, fontsize: float | None = 7
) -> None:
    """Draw ``values`` [rows, columns] in :data:`COLOURS`; a missing one is blank with a dash.

    Without a ``fontsize`` no numbers are written.
    """
    axes.imshow(values, cmap=COLOURS, norm=scale, aspect="auto")
    for (row, column), value in np.ndenumerate(values) if fontsize else ():
        dark = bool(np.isfinite(value) and float(scale(value)) < _DARK)
        colour = "white" if dark else QUIET if np.isnan(value) else "black"
        written = number(value)
        axes.text(column, row, written, ha="center", va="center", fontsize=fontsize, color=colour)
    axes.tick_params(length=0)
    # White lines between the cells keep the numbers apart.
    axes.set_xticks(np.arange(values.shape[1] - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(values.shape[0] - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
