"""What a schema says to a frame that was valid before it was spoilt."""

from __future__ import annotations

import pandas as pd
import pytest

from circuit_scaling.tables.registry import ALL_TABLES
from circuit_scaling.tables.table import TableError
from tests.helpers.valid_tables import VALID


def valid(name: str) -> pd.DataFrame:
    return pd.DataFrame(VALID[name])


def columns(name: str, kind: str) -> list[str]:
    """The columns of a kind; only those that the table always has."""
    kinds = {
        "any": lambda column: True,
        "required": lambda column: not column.nullable,
        "nullable": lambda column: column.nullable,
        "worded": lambda column: (
            str(column.dtype) == "str" and any(check.name == "isin" for check in column.checks)
        ),
        "float": lambda column: str(column.dtype) == "float64",
        "count": lambda column: str(column.dtype) == "int64",
    }
    given = ALL_TABLES[name].columns.items()
    return [label for label, column in given if kinds[kind](column) and not column.regex]


def refusal(name: str, frame: pd.DataFrame) -> str:
    with pytest.raises(TableError) as caught:
        ALL_TABLES[name].validate(frame)
    message = str(caught.value)
    assert message.startswith(f"Table '{name}': ")
    assert "\n" not in message
    return message


def row_1(name: str) -> str:
    """How the message names the second row: its number and its key."""
    keys = valid(name).iloc[1][list(ALL_TABLES[name].keys)]
    return f"row 1 ({' '.join(str(key) for key in keys)})"


def spoilt(name: str, labels: list[str], value: object) -> pd.DataFrame:
    """A valid frame with a wrong value in the second row of some columns."""
    frame = valid(name)
    for label in labels:
        cells = frame[label].astype(object)
        cells.iloc[1] = value
        number = pd.api.types.is_numeric_dtype(frame[label].dtype)
        frame[label] = cells.infer_objects() if number else cells.astype(frame[label].dtype)
    return frame


def message_of(name: str, column: str, reason: str, rows: str) -> str:
    return f"Table '{name}': column {column}: {reason} in {rows}."


def refuses(name: str, column: str, value: float, reason: str) -> None:
    """The table refuses the value in the second row, and says why."""
    message = refusal(name, spoilt(name, [column], value))
    assert message == message_of(name, column, reason, row_1(name))
