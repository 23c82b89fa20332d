"""Two small models whose transfer is known by hand, and all tables of a comparison, checked."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.analysis.transfer.transfer import transfer
from circuit_scaling.tables.join import JOINT_EFFECTS
from circuit_scaling.tables.registry import ALL_TABLES
from tests.helpers.classified import classified

SETTINGS = TransferSettings(k=20, pairs="all", n_null=199, n_boot=200)
NO_EFFECTS = JOINT_EFFECTS.empty()
# Base: three layers of four heads. IOI heads by size: 0.0, 1.3, 2.1 = 2.2, 1.1; 0.1 does the other.
BASE = {(layer, head): (0.0, 0.0) for layer in range(3) for head in range(4)} | {
    (0, 0): (-3.0, 0.0),
    (1, 3): (2.0, -1.0),
    (2, 2): (1.0, 0.01),
    (2, 1): (-1.0, 0.0),
    (1, 1): (-0.7, 0.0),
    (0, 1): (0.0, 5.0),
}
# Target: two layers of four heads, of which 1.1 was not measured. |IOI|: 4, then two ties.
TARGET = {
    (0, 0): (-0.5, 0.2),
    (0, 1): (0.5, 0.0),
    (0, 2): (4.0, 0.3),
    (0, 3): (0.02, 0.3),
    (1, 0): (0.01, 0.0),
    (1, 2): (-0.01, -0.1),
    (1, 3): (0.0, -0.6),
}


def run(
    *models: pd.DataFrame, effects: pd.DataFrame = NO_EFFECTS, **changes: object
) -> dict[str, pd.DataFrame]:
    """All tables, each checked against its schema."""
    chosen = TransferSettings.model_validate(SETTINGS.model_dump() | changes)
    tables = transfer(pd.concat(models, ignore_index=True), effects, chosen)
    assert list(tables) == [
        *("transfer_heads", "transfer_summary", "head_matching", "head_divergence")
    ]
    return {name: ALL_TABLES[name].validate(frame) for name, frame in tables.items()}


def known(**changes: object) -> dict[str, pd.DataFrame]:
    base = classified("a", BASE, (3, 4), family="left")
    target = classified("b", TARGET, (2, 4), family="right")
    return run(base, target, pairs=[["a", "b"]], **changes)


def of_task(tables: dict[str, pd.DataFrame], name: str, task: str = "ioi") -> pd.DataFrame:
    frame = tables[name]
    return frame[frame["task"] == task].reset_index(drop=True)
