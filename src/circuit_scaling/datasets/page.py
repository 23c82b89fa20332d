"""A self-contained HTML page at a fixed path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import HTMLPreview

from circuit_scaling.datasets.atomic import write_bytes_atomically
from circuit_scaling.datasets.previews import found_on
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

    def preview(self) -> HTMLPreview:
        """What was found, for kedro-viz."""
        return found_on(self.load()) if self._exists() else HTMLPreview("")

    def _stamped(self) -> tuple[Path, list[str]]:
        return self._filepath.parent, [self._filepath.name]

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
