"""Notes in words as text files in one folder, at fixed names."""

from __future__ import annotations

from pathlib import Path

from circuit_scaling.datasets.atomic import write_bytes_atomically
from circuit_scaling.datasets.named_files import NamedFilesDataset
from circuit_scaling.datasets.previews import TextPreview, notes_in_full

Notes = dict[str, str]


class NotesDataset(NamedFilesDataset[Notes, Notes]):
    """File name -> text; each file is replaced as a whole, other files of the folder stay."""

    def load(self) -> Notes:
        """The notes by the names of their files."""
        return {path.name: path.read_text(encoding="utf-8") for path in self._paths()}

    def save(self, data: Notes) -> None:
        """Replace every note.

        Raises:
            DatasetError: the names are not those of the catalogue.
        """
        self._need_every_name(data, "notes")
        for path in self._paths():
            write_bytes_atomically(path, data[path.name].encode())

    def preview(self) -> TextPreview:
        """All notes, for kedro-viz."""
        return notes_in_full(self.load() if self._exists() else {})

    def _paths(self) -> list[Path]:
        return [self._folder / name for name in self._names]
