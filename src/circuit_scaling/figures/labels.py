"""Names beside points, placed so that no name covers another and few cover a point."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from circuit_scaling.figures.style import INK, QUIET

_ANGLES = tuple(math.radians(angle) for angle in range(0, 360, 15))
_RADII = (12.0, 20.0, 30.0, 42.0, 56.0, 72.0, 90.0)  # pixels from the marker to the name
_GAP = 1.5  # pixels kept free around a name


def place_labels(
    axes: Axes,
    anchors: NDArray[np.float64],
    errors: NDArray[np.float64],
    texts: Sequence[str],
) -> list[Annotation]:
    """Write ``texts`` next to ``anchors``, earlier ones with the first choice of place.

    ``anchors`` and ``errors`` (the half lengths of error bars to keep free) are [names, 2] in data
    coordinates. The layout of the figure must be final. A text for which no free place is left is
    not written: a missing name misleads less than an unreadable one.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure")
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    frame = axes.get_window_extent(renderer).padded(-2)
    points = _drawn_points(axes)
    at = axes.transData.transform(anchors)
    low = np.minimum(axes.transData.transform(anchors - errors), at - 4)
    high = np.maximum(axes.transData.transform(anchors + errors), at + 4)
    taken = [Bbox(corners) for corners in np.stack([low, high], axis=1)]
    placed = []
    for anchor, (x, y), text in zip(anchors, at, texts, strict=True):
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
        spot = _free_spot((x, y), size, frame, taken, points)
        if spot is None:
            label.remove()
            continue
        offset, box = spot
        label.set_position((offset[0] * 72 / figure.dpi, offset[1] * 72 / figure.dpi))
        taken.append(box)
        placed.append(label)
    return placed


def _free_spot(
    at: tuple[float, float],
    size: Bbox,
    frame: Bbox,
    taken: Sequence[Bbox],
    points: NDArray[np.float64],
) -> tuple[tuple[float, float], Bbox] | None:
    """Offset and box, both in pixels, of the best free place, or None."""
    best: tuple[float, tuple[float, float], Bbox] | None = None
    for radius in _RADII:
        for angle in _ANGLES:
            # The radius is measured to the edge of the name, so that wide names do not hit points.
            dx = math.cos(angle) * (radius + size.width / 2)
            dy = math.sin(angle) * (radius + size.height / 2)
            x, y = at[0] + dx, at[1] + dy
            half_w, half_h = size.width / 2 + _GAP, size.height / 2 + _GAP
            box = Bbox.from_extents(x - half_w, y - half_h, x + half_w, y + half_h)
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1
            inside = inside and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if not inside or any(box.overlaps(other) for other in taken):
                continue
            cost = 6.0 * box.count_contains(points) + radius
            if best is None or cost < best[0]:
                best = (cost, (dx, dy), box)
    return None if best is None else best[1:]


def _drawn_points(axes: Axes) -> NDArray[np.float64]:
    """Pixel positions of every marker on the axes."""
    offsets = [np.asarray(collection.get_offsets()) for collection in axes.collections]
    stacked = np.concatenate([np.zeros((0, 2)), *offsets])
    return np.asarray(axes.transData.transform(stacked), dtype=np.float64)
