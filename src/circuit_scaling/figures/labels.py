"""Names beside points, placed so that no name covers another name or a mark."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.path import Path
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from circuit_scaling.figures.style import INK, QUIET

_ANGLES = tuple(math.radians(angle) for angle in range(0, 360, 15))
_RADII = (8.0, 12.0, 16.0, 22.0, 30.0, 42.0, 56.0, 72.0, 90.0, 115.0, 145.0)  # pixels to the name
_GAP = 1.5  # pixels kept free around a name
_OF_BAR = 12.0  # pixels that a name goes further, rather than lie on one more bar


def place_labels(
    axes: Axes,
    anchors: NDArray[np.float64],
    bars: NDArray[np.float64],
    texts: Sequence[str],
) -> list[int]:
    """Write ``texts`` next to ``anchors``, earlier ones with the first choice of place.

    The layout of the figure must be final. A text for which no free place is left is not written:
    a missing name misleads less than an unreadable one.

    Args:
        anchors: [names, 2] in data coordinates.
        bars: [bars, 2, 2], the lowest and the highest ends of error bars, of the named and of
            other points, off which names keep where they can.

    Returns:
        The indices of the texts that were written.

    Raises:
        ValueError: the axes belong to no figure.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure")
    renderer = FigureCanvasAgg(figure).get_renderer()
    frame = axes.get_window_extent(renderer).padded(-2)
    marks, crosses = _marks(axes), _crosses(axes, bars)
    names: list[Bbox] = []
    leaders: list[Path] = []
    placed: list[int] = []
    at = axes.transData.transform(anchors)
    for index, (anchor, (x, y), text) in enumerate(zip(anchors, at, texts, strict=True)):
        label = _written(axes, (anchor[0], anchor[1]), text)
        size = Bbox.union([label.get_window_extent(renderer)])
        # Neither a name nor the line that leads to it may run over another name, or a name over a
        # mark.
        free = [
            (cost, box, offset, leader)
            for cost, box, offset, leader in _spots((x, y), size, frame)
            if not any(box.overlaps(name) for name in names)
            and not _count(box, marks)
            and not any(leader.intersects_bbox(name, filled=False) for name in names)
            and not any(line.intersects_bbox(box, filled=False) for line in leaders)
        ]
        if not free:
            label.remove()
            continue
        _, box, offset, leader = min(
            free, key=lambda spot: spot[0] + _OF_BAR * _count(spot[1], crosses)
        )
        label.set_position((offset[0] * 72 / figure.dpi, offset[1] * 72 / figure.dpi))
        names.append(box)
        leaders.append(leader)
        placed.append(index)
    return placed


def _written(axes: Axes, anchor: tuple[float, float], text: str) -> Annotation:
    """A text over its anchor, with the line that will lead to it."""
    label = axes.annotate(
        text,
        anchor,
        xytext=(0, 0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=6,
        color=INK,
        annotation_clip=False,
        arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": QUIET, "shrinkB": 3},
        zorder=6,
        bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.3},
    )
    label.set_in_layout(False)
    return label


def _spots(
    at: tuple[float, float], size: Bbox, frame: Bbox
) -> list[tuple[float, Bbox, tuple[float, float], Path]]:
    """Places around a point and inside the frame: distance, box, offset, leading line.

    All in pixels, near ones first. The distance is measured to the edge of the name, so that wide
    names keep clear of the point as well.
    """
    spots = []
    for radius in _RADII:
        for angle in _ANGLES:
            dx = math.cos(angle) * (radius + size.width / 2)
            dy = math.sin(angle) * (radius + size.height / 2)
            half_w, half_h = size.width / 2 + _GAP, size.height / 2 + _GAP
            x, y = at[0] + dx, at[1] + dy
            box = Bbox.from_extents(x - half_w, y - half_h, x + half_w, y + half_h)
            inside_x = frame.x0 <= box.x0 and box.x1 <= frame.x1
            if inside_x and frame.y0 <= box.y0 and box.y1 <= frame.y1:
                spots.append((radius, box, (dx, dy), Path([at, (x, y)])))
    return spots


def _marks(axes: Axes) -> NDArray[np.float64]:
    """Boxes of every marker on the axes, in pixels: [marks, 4] as x0, y0, x1, y1."""
    figure = axes.get_figure(root=True)
    per_point = figure.dpi / 72 if figure is not None else 1.0
    boxes = [np.zeros((0, 4))]
    for collection in axes.collections:
        if isinstance(collection, PathCollection):
            at = axes.transData.transform(np.asarray(collection.get_offsets()))
            half = np.sqrt(collection.get_sizes()[0]) / 2 * per_point + 1
            boxes.append(np.column_stack([at - half, at + half]))
    return np.concatenate(boxes)


def _crosses(axes: Axes, bars: NDArray[np.float64]) -> NDArray[np.float64]:
    """The two lines of every pair of error bars as thin boxes in pixels: [2 bars, 4]."""
    low, high = axes.transData.transform(bars[:, 0]), axes.transData.transform(bars[:, 1])
    middle = axes.transData.transform(bars.mean(axis=1))
    across = np.column_stack([low[:, 0], middle[:, 1], high[:, 0], middle[:, 1]])
    upright = np.column_stack([middle[:, 0], low[:, 1], middle[:, 0], high[:, 1]])
    return np.concatenate([across, upright])


def _count(box: Bbox, others: NDArray[np.float64]) -> int:
    """How many of the ``others`` [boxes, 4] the box meets."""
    meets = (others[:, 0] < box.x1) & (others[:, 2] > box.x0)
    meets &= (others[:, 1] < box.y1) & (others[:, 3] > box.y0)
    return int(meets.sum())
