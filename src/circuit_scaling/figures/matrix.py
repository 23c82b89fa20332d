"""A table of numbers as coloured cells with the numbers written in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from numpy.typing import NDArray

from circuit_scaling.figures.style import QUIET, number

# Dark at the low end, where the eye is needed, and pale where there is nothing to see.
DARK_TO_PALE = ("#27364f", "#4f6d96", "#93aecb", "#d3dfea", "#fbf7ee")
_GREY = np.array([0.2126, 0.7152, 0.0722])
_DARK = 0.46  # of the grey of a colour: on darker ones white numbers have more contrast
_CENTRED: dict[str, Any] = {"ha": "center", "va": "center"}


def draw_matrix(
    axes: Axes,
    values: NDArray[np.float64],
    colours: Colormap,
    scale: Normalize,
    fontsize: float | None = 7,
) -> None:
    """Draw ``values`` [rows, columns]; a missing one is blank with a dash.

    Without a ``fontsize`` no numbers are written.
    """
    axes.imshow(values, cmap=colours, norm=scale, aspect="auto")
    if fontsize:
        write_numbers(axes, values, colours, scale, fontsize)
        for row, column in np.argwhere(np.isnan(values)):
            axes.text(column, row, number(np.nan), color=QUIET, fontsize=fontsize, **_CENTRED)
    axes.tick_params(length=0)
    # White lines between the cells keep the numbers apart.
    axes.set_xticks(np.arange(values.shape[1] - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(values.shape[0] - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def write_numbers(
    axes: Axes, values: NDArray[np.float64], colours: Colormap, scale: Normalize, fontsize: float
) -> None:
    """Write every value in its cell, white on dark colours; nothing where one is missing."""
    dark = np.asarray(colours(scale(values)))[..., :3] @ _GREY < _DARK
    for row, column in np.argwhere(~np.isnan(values)):
        colour = "white" if dark[row, column] else "black"
        written = number(values[row, column])
        axes.text(column, row, written, color=colour, fontsize=fontsize, **_CENTRED)
