"""Valid tables of the schemas in ``tables/import_tables.py``."""

from __future__ import annotations

from circuit_scaling.tables.import_tables import IMPORT_CHECKS
from tests.helpers.valid_tables.rows import MODEL

TABLES = {
    "import_findings": {
        **MODEL,
        "check": list(IMPORT_CHECKS[:4]),
        "outcome": ["passed", "suspect", "not possible", "passed"],
        "column": ["", "delta_ioi", "", ""],
        "n_rows": [0, 3, 0, 0],
        "examples": "L0H1",
        "detail": "3 of 4 rows",
        "cause": "",
        "fingerprint": "0f",
    },
}
