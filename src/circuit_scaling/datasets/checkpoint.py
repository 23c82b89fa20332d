"""A Hugging Face checkpoint folder as one dataset: file name -> content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from circuit_scaling.datasets.atomic import write_atomically

Files = dict[str, bytes]


class CheckpointDataset(AbstractDataset[Files, Files]):
    """The files of a folder, replaced together."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> Files:
        """All files of the folder."""
        return {path.name: path.read_bytes() for path in self.files()}

    def files(self) -> list[Path]:
        """The paths of all files of the folder."""
        return sorted(self._folder.iterdir())

    def save(self, data: Files) -> None:
        """Replace the folder by one with the given files."""
        write_atomically(self._folder, lambda part: _write(part, data))

    def _exists(self) -> bool:
        return self._folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}


def _write(folder: Path, files: Files) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
