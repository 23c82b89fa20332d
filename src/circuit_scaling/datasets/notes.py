"""Notes in words as text files in one folder, at fixed names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from circuit_scaling.datasets.atomic import write_bytes_atomically
from circuit_scaling.datasets.previews import TextPreview, notes_in_full
from circuit_scaling.datasets.stamps import StampedFiles

Notes = dict[str, str]


class NotesDataset(StampedFiles, AbstractDataset[Notes, Notes]):
    """File name -> text; each file is replaced as a whole, other files of the folder stay."""

    def __init__(
        self, filepath: str, names: list[str], metadata: dict[str, Any] | None = None
    ) -> None:
        self._folder, self._names = Path(filepath), names
        self.metadata = metadata

    def load(self) -> Notes:
        """The notes by the names of their files."""
        return {path.name: path.read_text(encoding="utf-8") for path in self._paths()}

    def save(self, data: Notes) -> None:
        """Replace every note."""
        if sorted(data) != sorted(self._names):
            raise ValueError(f"expected the notes {sorted(self._names)}, got {sorted(data)}")
        for path in self._paths():
            write_bytes_atomically(path, data[path.name].encode())

    def preview(self) -> TextPreview:
        """All notes, for kedro-viz."""
        return notes_in_full(self.load() if self._exists() else {})

    def _paths(self) -> list[Path]:
        return [self._folder / name for name in self._names]

    def _stamped(self) -> tuple[Path, list[str]]:
        return self._folder, self._names

    def _exists(self) -> bool:
        return all(path.is_file() for path in self._paths())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder), "names": self._names}
