"""A self-contained HTML page at a fixed path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from circuit_scaling.datasets.atomic import write_bytes_atomically
from circuit_scaling.datasets.stamps import StampedFiles


class PageDataset(StampedFiles, AbstractDataset[str, str]):
    """Text in a file that is replaced as a whole."""

    def __init__(self, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> str:
        """The page as text."""
        return self._filepath.read_text(encoding="utf-8")

    def save(self, data: str) -> None:
        """Replace the page."""
        write_bytes_atomically(self._filepath, data.encode())

    def _stamped(self) -> tuple[Path, list[str]]:
        return self._filepath.parent, [self._filepath.name]

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
