"""CSV tables for people, at fixed paths, rewritten on every run, with what they were made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from circuit_scaling.datasets.atomic import write_bytes_atomically
from circuit_scaling.datasets.commit import with_commit
from circuit_scaling.datasets.previews import rows_of, rows_of_each
from circuit_scaling.datasets.stamps import StampedFiles

Frames = dict[str, pd.DataFrame]


class CsvExportDataset(StampedFiles, AbstractDataset[Frames, Frames]):
    """Name -> frame, saved as ``<name>.csv`` in one folder; floats keep every digit.

    Beside each lies ``<name>.json``: the parameters that the table was made with, the fingerprint
    of the heads that it was made from, and the commit of the project.
    """

    def __init__(
        self, filepath: str, names: list[str], metadata: dict[str, Any] | None = None
    ) -> None:
        self._folder, self._names = Path(filepath), names
        self.metadata = metadata

    def load(self) -> Frames:
        """The tables, read back."""
        return {name: pd.read_csv(path) for name, path in self._paths().items()}

    def save(self, data: Frames) -> None:
        """Replace every file."""
        if sorted(data) != sorted(self._names):
            raise ValueError(f"expected the tables {sorted(self._names)}, got {sorted(data)}")
        for name, path in self._paths().items():
            table = with_commit(data[name])
            write_bytes_atomically(path, table.to_csv(index=False).encode())
            told = json.dumps(table.attrs, indent=2, sort_keys=True)
            write_bytes_atomically(path.with_suffix(".json"), f"{told}\n".encode())

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows of every table, for kedro-viz."""
        there = {name: path for name, path in self._paths().items() if path.is_file()}
        if not there:
            return rows_of(None)
        return rows_of_each({name: pd.read_csv(path) for name, path in there.items()}, nrows)

    def _paths(self) -> dict[str, Path]:
        return {name: self._folder / f"{name}.csv" for name in self._names}

    def _stamped(self) -> tuple[Path, list[str]]:
        return self._folder, self._names

    def _exists(self) -> bool:
        return all(path.is_file() for path in self._paths().values())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder), "names": self._names}
