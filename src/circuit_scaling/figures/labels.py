"""Names beside points, placed so that no name covers another and few cover a point."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.path import Path
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from circuit_scaling.figures.style import INK, QUIET

_ANGLES = tuple(math.radians(angle) for angle in range(0, 360, 15))
_RADII = (12.0, 20.0, 30.0, 42.0, 56.0, 72.0, 90.0)  # pixels from the marker to the name
_GAP = 1.5  # pixels kept free around a name
_COVERED = 2  # points that a name may lie on


def place_labels(
    axes: Axes,
    anchors: NDArray[np.float64],
    errors: NDArray[np.float64],
    texts: Sequence[str],
) -> list[int]:
    """Write ``texts`` next to ``anchors``, earlier ones with the first choice of place.

    ``anchors`` and ``errors`` (the half lengths of error bars to keep free) are [names, 2] in data
    coordinates. The layout of the figure must be final. A text for which no free place is left is
    not written: a missing name misleads less than an unreadable one. Returns the indices of the
    texts that were written.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure")
    renderer = FigureCanvasAgg(figure).get_renderer()
    frame = axes.get_window_extent(renderer).padded(-2)
    points = _drawn_points(axes)
    at = axes.transData.transform(anchors)
    low = np.minimum(axes.transData.transform(anchors - errors), at - 4)
    high = np.maximum(axes.transData.transform(anchors + errors), at + 4)
    marks = [Bbox(corners) for corners in np.stack([low, high], axis=1)]
    names: list[Bbox] = []
    leaders: list[Path] = []
    placed: list[int] = []
    for index, (anchor, (x, y), text) in enumerate(zip(anchors, at, texts, strict=True)):
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
        )
        label.set_in_layout(False)
        size = Bbox.union([label.get_window_extent(renderer)])
        spots = _spots((x, y), size, frame)
        # Neither a name nor the line that leads to it may run over another name, or a name over a
        # crowd of points.
        free = [
            (box, offset, leader)
            for box, offset, leader in spots
            if not any(box.overlaps(other) for other in (*marks, *names))
            and box.count_contains(points) <= _COVERED
            and not any(leader.intersects_bbox(name, filled=False) for name in names)
            and not any(line.intersects_bbox(box, filled=False) for line in leaders)
        ]
        if not free:
            label.remove()
            continue
        box, offset, leader = min(
            free,
            key=lambda spot: 6.0 * spot[0].count_contains(points) + math.hypot(*spot[1]) / 2,
        )
        label.set_position((offset[0] * 72 / figure.dpi, offset[1] * 72 / figure.dpi))
        names.append(box)
        leaders.append(leader)
        placed.append(index)
    return placed


def _spots(
    at: tuple[float, float], size: Bbox, frame: Bbox
) -> list[tuple[Bbox, tuple[float, float], Path]]:
    """Places around a point and inside the frame: box, offset from the point, leading line.

    All in pixels, near ones first. The radius is measured to the edge of the name, so that wide
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
                spots.append((box, (dx, dy), Path([at, (x, y)])))
    return spots


def _drawn_points(axes: Axes) -> NDArray[np.float64]:
    """Pixel positions of every marker on the axes."""
    offsets = [np.asarray(collection.get_offsets()) for collection in axes.collections]
    stacked = np.concatenate([np.zeros((0, 2)), *offsets])
    return np.asarray(axes.transData.transform(stacked), dtype=np.float64)
