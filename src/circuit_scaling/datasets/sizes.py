"""How much room a stored dataset takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import DatasetError

from circuit_scaling.datasets.checkpoint import CheckpointDataset
from circuit_scaling.datasets.stamps import StampedFiles
from circuit_scaling.datasets.table import TableDataset


def bytes_of(dataset: Any) -> int | None:
    """Bytes of all files of a dataset; None where it has none or is not stored."""
    try:
        return sum(file.stat().st_size for file in _files_of(dataset)) or None
    except (OSError, DatasetError):
        return None


def _files_of(dataset: Any) -> list[Path]:
    if isinstance(dataset, TableDataset):  # of the folder of versions the newest one counts
        return [Path(dataset._get_load_path())]
    if isinstance(dataset, StampedFiles | CheckpointDataset):
        return dataset.files()
    file = getattr(dataset, "_filepath", None)  # of Kedro's own types
    return [] if file is None else [Path(file)]
