"""Every table's schema: what passes, and refusals that name table, column and rows."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.tables.registry import ALL_TABLES
from circuit_scaling.tables.table import Table
from tests.helpers.table_checks import columns, message_of, refusal, row_1, spoilt, valid
from tests.helpers.valid_tables import VALID
from tests.helpers.valid_tables.rows import NAN


def test_every_table_has_a_valid_example() -> None:
    assert set(VALID) == set(ALL_TABLES)
    assert all(table.name == name for name, table in ALL_TABLES.items())


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_valid_frame_passes_unchanged(name: str) -> None:
    frame = valid(name)
    assert ALL_TABLES[name].validate(frame) is frame
    pd.testing.assert_frame_equal(frame, valid(name))


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_frame_still_passes_after_parquet(name: str, tmp_path: Path) -> None:
    valid(name).to_parquet(tmp_path / "table.parquet")
    back = pd.read_parquet(tmp_path / "table.parquet")
    ALL_TABLES[name].validate(back)
    if name == "prompts":
        assert isinstance(back.at[0, "tokens"], np.ndarray)


@pytest.mark.parametrize("name", ALL_TABLES)
def test_every_missing_column_is_refused(name: str) -> None:
    key = ALL_TABLES[name].keys[-1]
    for kept in ([key], [c for c in valid(name) if c != key]):
        message = refusal(name, valid(name)[kept])
        missing = [c for c in columns(name, "any") if c not in kept]
        assert missing
        assert [c for c in missing if f"column {c} is missing" not in message] == []


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_column_that_does_not_belong_is_refused(name: str) -> None:
    message = refusal(name, valid(name).assign(notes="mine", colour="red"))
    faults = "column notes does not belong to it; column colour does not belong to it"
    assert message == f"Table '{name}': {faults}."


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_column_that_comes_twice_is_refused(name: str) -> None:
    label = ALL_TABLES[name].keys[0]
    frame = valid(name)
    frame.insert(0, label, "again", allow_duplicates=True)
    assert refusal(name, frame) == f"Table '{name}': column {label} comes twice."


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_duplicate_key_is_refused(name: str) -> None:
    frame = pd.concat([valid(name), valid(name).iloc[[1]]])
    message = refusal(name, frame)
    again = row_1(name).replace("row 1", "row 4")
    keys = ", ".join(ALL_TABLES[name].keys)
    assert message == f"Table '{name}': columns {keys}: duplicate {row_1(name)}, {again}."


@pytest.mark.parametrize("name", [n for n in ALL_TABLES if ALL_TABLES[n].every_head])
@pytest.mark.parametrize(("column", "size"), [("head", "n_heads"), ("layer", "n_layers")])
def test_a_head_outside_the_shape_is_refused(name: str, column: str, size: str) -> None:
    frame = valid(name)
    frame.loc[1, column] = 2
    outside = row_1(name).replace("0 1", "2 1" if column == "layer" else "0 2")
    assert message_of(name, column, f"outside the model's {size}", outside) == refusal(name, frame)


@pytest.mark.parametrize("name", ALL_TABLES)
def test_every_missing_value_is_refused(name: str) -> None:
    labels = columns(name, "required")
    message = refusal(name, spoilt(name, labels, None))
    for label in labels:
        assert f"column {label}: missing value in row 1 (" in message


@pytest.mark.parametrize("name", [name for name in ALL_TABLES if columns(name, "nullable")])
def test_a_value_may_be_missing_where_nothing_may_have_been_measured(name: str) -> None:
    frame = valid(name)
    for label in columns(name, "nullable"):
        frame[label] = (
            pd.array([pd.NA] * 4, dtype="boolean") if "boolean" in str(frame[label].dtype) else NAN
        )
    ALL_TABLES[name].validate(frame)


@pytest.mark.parametrize("name", ALL_TABLES)
def test_every_wrong_value_is_refused(name: str) -> None:
    """A word that is not one of the few, an infinity, a negative count: one in each column."""
    frame = valid(name)
    wrong = {"worded": "nonsense", "float": np.inf, "count": -1}
    for kind, value in wrong.items():
        labels = columns(name, kind)
        frame[labels] = spoilt(name, labels, value)[labels]
    message = refusal(name, frame)
    reasons = {
        "worded": "not one of [a-z0-9_, ]+",
        "float": "not [-a-z0-9. ]+",
        "count": "negative",
    }
    for kind, reason in reasons.items():
        for label in columns(name, kind):
            assert re.search(rf"column {label}: {reason} in row 1 \(", message), label


@pytest.mark.parametrize("name", ALL_TABLES)
def test_a_table_without_rows(name: str) -> None:
    table = ALL_TABLES[name]
    nothing = valid(name).iloc[:0]
    if table.may_be_empty:
        assert table.validate(nothing) is nothing
    else:
        assert refusal(name, nothing) == f"Table '{name}': it has no rows."


@pytest.mark.parametrize("table", [t for t in ALL_TABLES.values() if t.may_be_empty], ids=str)
def test_the_empty_table_passes_and_can_be_stored(table: Table, tmp_path: Path) -> None:
    table.validate(table.empty()).to_parquet(tmp_path / "empty.parquet")
    back = pd.read_parquet(tmp_path / "empty.parquet")
    assert list(table.validate(back).columns) == list(table.columns)
