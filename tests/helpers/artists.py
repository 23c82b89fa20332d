"""What the artists of a figure show, by the name that they were drawn under (gid)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def points(axes: Axes, gid: str) -> np.ndarray:
    """x and y of all marks of that name: [marks, 2]."""
    found = [np.asarray(line.get_xydata()) for line in axes.lines if line.get_gid() == gid]
    return np.concatenate([np.zeros((0, 2)), *found])


def segments(axes: Axes, gid: str) -> np.ndarray:
    """Ends of all lines of that name: [lines, 2, 2]."""
    found = [c.get_segments() for c in axes.collections if c.get_gid() == gid]
    return np.array([line for lines in found for line in lines]).reshape(-1, 2, 2)


def every_segment(figure: Figure, gid: str) -> np.ndarray:
    return np.concatenate([np.zeros((0, 2, 2)), *(segments(axes, gid) for axes in figure.axes)])


def widths(axes: Axes, gid: str) -> list[float]:
    """Lengths of horizontal bars of that name."""
    return np.ptp(segments(axes, gid)[:, :, 0], axis=1).tolist()


def image(figure: Figure, gid: str) -> np.ndarray:
    """The values of the one image of that name; NaN where there is none."""
    (found,) = [i for axes in figure.axes for i in axes.images if i.get_gid() == gid]
    return np.ma.filled(np.ma.asarray(found.get_array(), dtype=float), np.nan)


def names(axes: Axes, which: str = "y") -> list[str]:
    labels = axes.get_yticklabels() if which == "y" else axes.get_xticklabels()
    return [label.get_text() for label in labels]


def words(figure: Figure) -> str:
    axes = [text.get_text() for part in figure.axes for text in part.texts]
    return " ".join([*axes, *(text.get_text() for text in figure.texts)])
