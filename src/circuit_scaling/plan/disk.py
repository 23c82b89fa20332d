"""About how many bytes the tables of a stage take, and the figures and pages made of them.

Fitted to the tables of the embedded models and of SmolLM2: ``python -m benchmarks.plan_error`` has
what they take beside what is said here.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from circuit_scaling.plan.amounts import Amount

if TYPE_CHECKING:
    from circuit_scaling.measuring.shared.run_log import Stage

# Of each stage: for its tables whatever is in them, for a row of the largest and what is made of
# it, and for a number in the lists of such rows, which has four bytes and is in further tables.
_BYTES: dict[Stage, tuple[int, int, int]] = {
    "scan": (170_000, 140, 6),
    "causal": (80_000, 150, 4),
    "ablation": (20_000, 100, 2),
    "retrieval_detect": (50_000, 60, 12),
    "retrieval_mask": (60_000, 45, 0),
}
_PAGE, _PAGE_OF_MODEL = 6_000_000, 2_300_000
"""The page with its libraries; and what figures, exports and the page take for each model."""


def table_bytes(stage: Stage, amount: Amount) -> int:
    """Of one model's tables of a stage, with its part of those that join all models."""
    fixed, row, value = _BYTES[stage]
    return fixed + row * amount.rows + value * amount.values


def shown_bytes(n_models: int) -> int:
    """Of the page, the figures and the exports."""
    return _PAGE + n_models * _PAGE_OF_MODEL


def free_bytes(folder: Path) -> int:
    """Free on the disk that the folder is on, or will be made on."""
    there = next(part for part in (folder, *folder.absolute().parents) if part.exists())
    return shutil.disk_usage(there).free
