"""The schema of what the checks of an imported table found."""

from __future__ import annotations

from circuit_scaling.tables.columns import MODEL, count, text
from circuit_scaling.tables.table import Table

IMPORT_CHECKS = (
    "outside the shape",
    "duplicate heads",
    "same values in two models",
    "exact zeros",
    "missing heads",
    "not finite",
)
IMPORT_FINDINGS = Table(
    "import_findings",
    {
        **MODEL,
        "check": text(*IMPORT_CHECKS),
        "outcome": text("passed", "suspect", "not possible"),
        "column": text(),
        "n_rows": count(),
        "examples": text(),
        "detail": text(),
        "cause": text(),
        "fingerprint": text(),
    },
    keys=("family", "model", "check", "column"),
)
