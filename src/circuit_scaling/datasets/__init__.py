"""The catalogue's own dataset types: tables, exports, figures, texts, checkpoints; all atomic."""

from circuit_scaling.datasets.checkpoint import CheckpointDataset
from circuit_scaling.datasets.export import CsvExportDataset
from circuit_scaling.datasets.figures import FiguresDataset
from circuit_scaling.datasets.notes import NotesDataset
from circuit_scaling.datasets.page import PageDataset
from circuit_scaling.datasets.table import TableDataset

__all__ = [
    "CheckpointDataset",
    "CsvExportDataset",
    "FiguresDataset",
    "NotesDataset",
    "PageDataset",
    "TableDataset",
]
