"""A figure that its pipeline has drawn and stored."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_PIXELS_PER_POINT = 96 / 72


@dataclass(frozen=True)
class StoredFigure:
    """The files of one figure; they are read when they are asked for. A notebook shows it."""

    png: Path

    @cached_property
    def svg(self) -> str:
        """The drawing as text."""
        return self.png.with_suffix(".svg").read_text(encoding="utf-8")

    @property
    def source(self) -> str | None:
        """What the drawing says it was made from: the fingerprint of its heads."""
        found = re.search(r"<dc:source>([^<]*)</dc:source>", self.svg)
        return found[1] if found else None

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height in CSS pixels.

        Raises:
            ValueError: the file is no drawing of ours.
        """
        found = (
            re.search(r'width="([\d.]+)pt"', self.svg),
            re.search(r'height="([\d.]+)pt"', self.svg),
        )
        if None in found:
            raise ValueError(f"'{self.png.with_suffix('.svg')}' has no size in points")
        width, height = (round(float(size[1]) * _PIXELS_PER_POINT) for size in found if size)
        return width, height

    def _repr_png_(self) -> bytes:
        return self.png.read_bytes()
