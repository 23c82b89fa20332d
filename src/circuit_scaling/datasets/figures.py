"""A set of figures: each as PNG and SVG, with a CSV of exactly what it shows."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd
from kedro_datasets._typing import HTMLPreview
from matplotlib.figure import Figure

from circuit_scaling.analysis.made_from import mark_on
from circuit_scaling.datasets.atomic import write_bytes_atomically
from circuit_scaling.datasets.named_files import NamedFilesDataset
from circuit_scaling.datasets.previews import pictures_of
from circuit_scaling.figures.stored import StoredFigure
from circuit_scaling.figures.style import to_png, to_svg

Drawn = dict[str, tuple[Figure, pd.DataFrame]]


class FiguresDataset(NamedFilesDataset[Drawn, dict[str, StoredFigure]]):
    """Name -> (figure, data); saved as ``<name>.png``, ``.svg`` and ``.csv`` in one folder.

    The drawing says, as the data do, which heads it was made from. A name may be a pattern such as
    ``layer_hist_*``, for one figure per model: at least one figure must fit it, and files of other
    models that fit it are removed. Loading gives the stored figures by name, which notebooks show;
    kedro-viz shows them small.
    """

    def load(self) -> dict[str, StoredFigure]:
        """The figures by name."""
        return {path.stem: StoredFigure(path) for path in self._paths()}

    def save(self, data: Drawn) -> None:
        """Write every figure and its data; each file is replaced as a whole.

        Raises:
            DatasetError: a figure has another name than the catalogue's, or one of them no figure.
        """
        strange = [name for name in data if not _fits(name, self._names)]
        if strange or not all(
            any(_fits(name, [wanted]) for name in data) for wanted in self._names
        ):
            raise self._refusal(data, "figures")
        self._remove_others(data)
        for name, (figure, shown) in data.items():
            csv = shown.to_csv(index=False)
            drawing = to_svg(figure, mark_on(shown))
            write_bytes_atomically(self._folder / f"{name}.png", to_png(figure))
            write_bytes_atomically(self._folder / f"{name}.svg", drawing.encode())
            write_bytes_atomically(self._folder / f"{name}.csv", csv.encode())

    def _remove_others(self, data: Drawn) -> None:
        for wanted in self._names:
            for path in self._folder.glob(f"{wanted}.*"):
                if path.stem not in data:
                    path.unlink()

    def preview(self) -> HTMLPreview:
        """All figures that are there, small, for kedro-viz."""
        return pictures_of([path for path in self._paths() if path.is_file()])

    def _paths(self) -> list[Path]:
        return [
            path
            for name in self._names
            for path in (sorted(self._folder.glob(f"{name}.png")) or [self._folder / f"{name}.png"])
        ]


def _fits(name: str, wanted: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in wanted)
