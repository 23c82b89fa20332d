"""A set of figures: each as PNG and SVG, with a CSV of exactly what it shows."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset
from kedro_datasets._typing import ImagePreview
from matplotlib.figure import Figure

from circuit_scaling.datasets.atomic import write_bytes_atomically
from circuit_scaling.figures.style import to_png, to_svg

Drawn = dict[str, tuple[Figure, pd.DataFrame]]


class FiguresDataset(AbstractDataset[Drawn, dict[str, Path]]):
    """Name -> (figure, data); saved as ``<name>.png``, ``.svg`` and ``.csv`` in one folder.

    Loading gives the paths of the PNG files by name; kedro-viz previews the first of them.
    """

    def __init__(
        self, filepath: str, names: list[str], metadata: dict[str, Any] | None = None
    ) -> None:
        self._folder, self._names = Path(filepath), names
        self.metadata = metadata

    def load(self) -> dict[str, Path]:
        """The PNG files by name."""
        return {name: self._folder / f"{name}.png" for name in self._names}

    def save(self, data: Drawn) -> None:
        """Write every figure and its data; each file is replaced as a whole."""
        if sorted(data) != sorted(self._names):
            raise ValueError(f"expected the figures {sorted(self._names)}, got {sorted(data)}")
        for name, (figure, shown) in data.items():
            path = self._folder / name
            write_bytes_atomically(path.with_suffix(".png"), to_png(figure))
            write_bytes_atomically(path.with_suffix(".svg"), to_svg(figure).encode())
            write_bytes_atomically(path.with_suffix(".csv"), shown.to_csv(index=False).encode())

    def preview(self) -> ImagePreview:
        """The first figure, for kedro-viz."""
        png = (self._folder / f"{self._names[0]}.png").read_bytes()
        return ImagePreview(base64.b64encode(png).decode())

    def _exists(self) -> bool:
        return all(path.is_file() for path in self.load().values())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder), "names": self._names}
