"""Made-up columns: a frame gets whatever its schema has beside what is given, of the right kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandera.pandas import Column

from circuit_scaling.tables.registry import ALL_TABLES

_ENDS = ("_low", "_high")


def filled(name: str, frame: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """``frame`` as a valid table ``name``: columns that it lacks are drawn, others are left out.

    A column ``x_low`` or ``x_high`` lies to that side of ``x``; a share is between 0 and 1, an
    effect about as large as real ones are.

    Raises:
        TableError: what was given does not fit the schema.
    """
    table, rng = ALL_TABLES[name], np.random.default_rng(seed)
    columns: dict[str, pd.Series] = {}
    for column, kind in table.columns.items():
        if kind.regex:
            columns |= {str(key): values for key, values in frame.filter(regex=column).items()}
        elif column in frame:
            columns[column] = frame[column].astype(str(kind.dtype))
        else:
            stem = next((column.removesuffix(end) for end in _ENDS if column.endswith(end)), "")
            around = columns.get(stem)
            drawn = _drawn(kind, len(frame), rng) if around is None else _bound(column, around)
            columns[column] = pd.Series(drawn, index=frame.index).astype(str(kind.dtype))
    return table.validate(pd.DataFrame(columns).reset_index(drop=True))


def _bound(column: str, around: pd.Series) -> pd.Series:
    """One end of an interval; that of values between 0 and 1 stays in there."""
    width = 0.2 * around.abs() + 0.01
    bound = around - width if column.endswith("_low") else around + width
    return bound.clip(0, 1) if around.between(0, 1).all() else bound


def _drawn(kind: Column, rows: int, rng: np.random.Generator) -> Any:
    limits: dict[str, Any] = {}
    for check in kind.checks:
        limits |= check.statistics or {}
    if "allowed_values" in limits:
        return rng.choice(list(limits["allowed_values"]), rows)
    if any("whole number" in str(check.error) for check in kind.checks):
        return rng.integers(2, 20, rows)
    match str(kind.dtype):
        case "bool" | "boolean":
            return np.ones(rows, dtype=bool)
        case "float64" if "max_value" in limits:
            return rng.uniform(0, 1, rows)
        case "float64":
            effects = np.round(0.2 * rng.standard_t(2, rows), 4)
            return np.abs(effects) if "min_value" in limits else effects
    return [""] * rows
