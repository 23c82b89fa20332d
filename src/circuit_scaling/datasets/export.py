"""CSV tables for people, at fixed paths, rewritten on every run, with what they were made with."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from kedro_datasets._typing import TablePreview

from circuit_scaling.datasets.atomic import write_bytes_atomically
from circuit_scaling.datasets.commit import with_commit
from circuit_scaling.datasets.named_files import NamedFilesDataset
from circuit_scaling.datasets.previews import rows_of, rows_of_each

Frames = dict[str, pd.DataFrame]


class CsvExportDataset(NamedFilesDataset[Frames, Frames]):
    """Name -> frame, saved as ``<name>.csv`` in one folder; floats keep every digit.

    Beside each lies ``<name>.json``: the parameters that the table was made with, the fingerprint
    of the heads that it was made from, and the commit of the project.
    """

    def load(self) -> Frames:
        """The tables, read back."""
        return {path.stem: pd.read_csv(path) for path in self._paths()}

    def save(self, data: Frames) -> None:
        """Replace every file.

        Raises:
            DatasetError: the names are not those of the catalogue.
        """
        self._need_every_name(data, "tables")
        for path in self._paths():
            table = with_commit(data[path.stem])
            write_bytes_atomically(path, table.to_csv(index=False).encode())
            told = json.dumps(table.attrs, indent=2, sort_keys=True)
            write_bytes_atomically(path.with_suffix(".json"), f"{told}\n".encode())

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows of every table, for kedro-viz."""
        there = [path for path in self._paths() if path.is_file()]
        if not there:
            return rows_of(None)
        return rows_of_each({path.stem: pd.read_csv(path) for path in there}, nrows)

    def _paths(self) -> list[Path]:
        return [self._folder / f"{name}.csv" for name in self._names]
