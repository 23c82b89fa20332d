"""What a figure really draws, in pixels: every line of text, every marker, every stroke.

A renderer that writes down what it is asked to draw sees tick labels, legends and annotations as
they end up, without rules about which of them are visible.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from circuit_scaling.figures.style import style

Floats = NDArray[np.float64]
_SLACK = np.array([-1.5, 1.0])  # pixels: words need a gap, lines are higher than their letters


@dataclass(frozen=True)
class Written:
    """One line of text: its words, size in points, and its four corners [4, 2]."""

    text: str
    points: float
    corners: Floats
    artist: Text | None

    @property
    def annotates(self) -> bool:
        """Whether it is the name of a mark."""
        return isinstance(self.artist, Annotation)


@dataclass
class Drawing:
    """All that was drawn, in pixels from the lower left corner."""

    size: tuple[float, float]
    texts: list[Written] = field(default_factory=list)
    markers: list[Floats] = field(default_factory=list)  # boxes [marks, 4]: x0, y0, x1, y1
    strokes: list[Floats] = field(default_factory=list)  # polylines [points, 2]

    @property
    def marks(self) -> Floats:
        return np.concatenate([np.zeros((0, 4)), *self.markers])


class _Recorder(RendererAgg):
    """Draws nothing, and keeps what it was asked for."""

    def __init__(self, figure: Figure) -> None:
        size = figure.bbox.size
        super().__init__(*size, figure.dpi)
        self.drawing = Drawing((float(size[0]), float(size[1])))

    def _update_methods(self) -> None:
        """Leave out the fast methods that would take the place of those below."""

    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,  # noqa: PLR0913
        ismath: Any = False,
        mtext: Text | None = None,
    ) -> None:
        width, height, descent = self.get_text_width_height_descent(s, prop, ismath)
        box = np.array(
            [[0, -descent], [width, -descent], [width, height - descent], [0, height - descent]]
        )
        at = Affine2D().rotate_deg(angle).translate(x, self.height - y)
        corners = np.asarray(at.transform(_shrunk(box)))
        if s.strip():
            self.drawing.texts.append(Written(s, prop.get_size_in_points(), corners, mtext))

    def draw_markers(
        self,
        gc: Any,
        marker_path: Path,
        marker_trans: Any,
        path: Path,
        trans: Any,
        rgbFace: Any = None,
    ) -> None:
        box = marker_path.get_extents(marker_trans)
        self._keep(np.asarray(trans.transform(path.vertices)), box.x0, box.y0, box.x1, box.y1)

    def draw_path_collection(
        self,
        gc: Any,
        master: Any,
        paths: Any,
        transforms: Any,
        offsets: Any,
        offset_trans: Any,
        *rest: Any,
        **more: Any,
    ) -> None:
        if not len(paths):
            return
        if len(offsets) > 1 or (len(offsets) and np.any(offsets)):
            at = offset_trans.transform(offsets)
            scale = transforms[0] if len(transforms) else np.eye(3)
            box = paths[0].get_extents(Affine2D(scale) + master)
            self._keep(np.asarray(at), box.x0, box.y0, box.x1, box.y1)
            return
        for path in paths:
            self.drawing.strokes.append(np.asarray(master.transform_path(path).vertices))

    def draw_path(self, gc: Any, path: Path, transform: Any, rgbFace: Any = None) -> None:
        self.drawing.strokes.append(np.asarray(transform.transform_path(path).vertices))

    def draw_image(self, *given: Any, **more: Any) -> None:
        return

    def draw_gouraud_triangles(self, *given: Any, **more: Any) -> None:
        return

    def _keep(self, at: Floats, x0: float, y0: float, x1: float, y1: float) -> None:
        at = at[np.isfinite(at).all(axis=1)]
        self.drawing.markers.append(np.column_stack([at + [x0, y0], at + [x1, y1]]))


def drawn(figure: Figure) -> Drawing:
    """What drawing the figure draws."""
    with style():
        recorder = _Recorder(figure)
        figure.draw(recorder)
    return recorder.drawing


def _shrunk(box: Floats) -> Floats:
    middle = box.mean(axis=0)
    half = np.maximum(np.abs(box - middle) - _SLACK, 0.1)
    return middle + np.sign(box - middle) * half


def overlapping(drawing: Drawing) -> list[tuple[str, str]]:
    """Texts that run into each other."""
    return [
        (a.text, b.text)
        for a, b in combinations(drawing.texts, 2)
        if not (a.artist is b.artist and a.artist is not None) and _meet(a.corners, b.corners)
    ]


def outside(drawing: Drawing) -> list[str]:
    """Texts that leave the figure."""
    limit = np.array(drawing.size)
    return [t.text for t in drawing.texts if (t.corners < 0).any() or (t.corners > limit).any()]


def over_marks(drawing: Drawing) -> list[str]:
    """Texts that lie on a marker, wherever they are."""
    marks = drawing.marks
    middle, half = (marks[:, :2] + marks[:, 2:]) / 2, 0.4 * (marks[:, 2:] - marks[:, :2])
    found = []
    for written in drawing.texts:
        x, y = written.corners.T
        near = (middle[:, 0] + half[:, 0] > x.min()) & (middle[:, 0] - half[:, 0] < x.max())
        near &= (middle[:, 1] + half[:, 1] > y.min()) & (middle[:, 1] - half[:, 1] < y.max())
        for centre, size in zip(middle[near], half[near], strict=True):
            box = centre + size * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
            if _meet(box, written.corners):
                found.append(written.text)
                break
    return found


def _meet(a: Floats, b: Floats) -> bool:
    """Whether two convex quadrilaterals overlap: no line along a side of either parts them."""
    for corners in (a, b):
        sides = np.roll(corners, -1, axis=0) - corners
        normals = np.column_stack([-sides[:, 1], sides[:, 0]])
        pa, pb = a @ normals.T, b @ normals.T
        if ((pa.max(axis=0) <= pb.min(axis=0)) | (pb.max(axis=0) <= pa.min(axis=0))).any():
            return False
    return True
