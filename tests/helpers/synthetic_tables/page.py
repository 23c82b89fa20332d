"""What the page is told beside tables: who makes them, and figures as they are stored."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling.datasets.figures import FiguresDataset
from circuit_scaling.figures.stored import StoredFigure
from circuit_scaling.tables.registry import tables_of

_OF_SCANS = ("bos_effects", "competence", "run_log")
_OF_DETECTION = ("head_rankings", "known_retrieval_heads", "question_counts", "detect_log")
_OF_MASKING = ("ablation_results", "masking_summary", "mask_log")
_OF_COMPARISON = ("retrieval_findings", "absent_findings", "retrieval_checks")
MAKERS = {
    name: [pipeline]
    for pipeline in ("classify", "scaling", "transfer", "causal", "ablation", "audit", "zoo")
    for name in tables_of(pipeline)
} | {
    **{name: ["scan", "join"] for name in (*tables_of("join"), *_OF_SCANS)},
    **{name: ["retrieval_detect"] for name in _OF_DETECTION},
    **{name: ["retrieval_mask"] for name in _OF_MASKING},
    **{name: ["retrieval_compare"] for name in _OF_COMPARISON},
    "import_retrieval_checks": ["import_retrieval"],
}
"""Which pipelines make a table of the page."""


def stored(figure: Figure, folder: Path) -> StoredFigure:
    """The figure as the catalogue gives it back."""
    FiguresDataset(str(folder), ["one"]).save({"one": (figure, pd.DataFrame())})
    return StoredFigure(folder / "one.png")
