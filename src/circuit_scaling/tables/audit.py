"""The schema of the audit: every published finding beside what was measured here."""

from __future__ import annotations

from circuit_scaling.tables.columns import number, text
from circuit_scaling.tables.table import Table

STUDIES = ("circuit scaling", "retrieval heads")
REPRODUCED = "reproduced"
NOT_REPRODUCED = "not reproduced"
CANNOT_BE_RIGHT = "follows from the published tables, which cannot be right"
NOT_COMPARABLE = "not comparable"
NOT_RUN = "not run"
OUTCOMES = (REPRODUCED, NOT_REPRODUCED, CANNOT_BE_RIGHT, NOT_COMPARABLE, NOT_RUN)

PUBLISHED_AUDIT = Table(
    "published_audit",
    {
        "study": text(*STUDIES),
        "id": text(),
        # Files of the study with their sections, separated by semicolons.
        "source": text(),
        "claim": text(),
        # With the digits that were printed; "" where the claim is in words alone.
        "published": text(),
        "unit": text(),
        "definition": text(),
        "measure": text(),
        # Hub ids, or `any` for a claim of models in general.
        "checkpoints": text(),
        # Those that it was judged on, as they are called here.
        "models": text(),
        # In the unit of what was published. `nothing` is what there would be if there was nothing.
        "measured": number(nullable=True),
        "low": number(nullable=True),
        "high": number(nullable=True),
        "nothing": number(nullable=True),
        "found": text(),
        "outcome": text(*OUTCOMES),
        "reason": text(),
        "command": text(),
    },
    keys=("id",),
)
