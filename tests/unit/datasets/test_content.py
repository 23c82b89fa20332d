"""The hash of a table: of what it holds and nothing else, and the same when it is read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_scaling.datasets.content import content_of, content_of_rows
from circuit_scaling.tables.registry import ALL_TABLES
from tests.helpers.table_checks import valid


@pytest.mark.parametrize("name", ALL_TABLES)
def test_every_table_is_the_same_when_it_is_read_back(name: str, tmp_path: Path) -> None:
    table = valid(name)
    table.to_parquet(tmp_path / "table.parquet")
    assert content_of_rows(pq.read_table(tmp_path / "table.parquet")) == content_of(table)
    assert content_of(pd.read_parquet(tmp_path / "table.parquet")) == content_of(table)


def test_what_a_table_carries_beside_its_rows_does_not_count() -> None:
    table = pd.DataFrame({"delta": [0.1, 0.2]})
    told = table.copy()
    told.attrs["commit"] = "abc"
    assert content_of(told) == content_of(table)
    assert content_of(table.set_axis([5, 7], axis=0)) == content_of(table)


def mixed(floats: list[float | None], words: list[str | None], lists: list) -> pd.DataFrame:
    """A table of several kinds of columns."""
    n = min(map(len, (floats, words, lists)))
    return pd.DataFrame(
        {
            "delta": pd.Series(floats[:n], dtype="float64"),
            "known": pd.Series([f is None for f in floats[:n]], dtype="bool"),
            "competent": pd.Series(
                [None if f is None else f > 0 for f in floats[:n]], dtype="boolean"
            ),
            "model": pd.Series(words[:n], dtype="object"),
            "layer": range(n),
            "effects": [np.asarray(values, np.float32) for values in lists[:n]],
        }
    )


_FLOATS = st.lists(
    st.one_of(st.none(), st.floats(allow_nan=False, width=64)), min_size=1, max_size=5
)
_OTHERS: dict[str, Callable[[Any], Any]] = {
    "delta": lambda value: 1.5 if value != 1.5 else 2.5,
    "known": lambda value: not value,
    "model": lambda value: f"{value}x",
    "layer": lambda value: value + 1,
    "effects": lambda value: np.append(value, np.float32(1)).astype(np.float32),
}
_WORDS = st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=5)
_LISTS = st.lists(st.lists(st.floats(width=32), max_size=3), min_size=1, max_size=5)


@given(_FLOATS, _WORDS, _LISTS, st.data())
def test_another_value_is_another_hash(floats, words, lists, data) -> None:
    table = mixed(floats, words, lists)
    same = content_of(table)
    assert content_of(table.copy(deep=True)) == same
    row = data.draw(st.integers(0, len(table) - 1))
    column = data.draw(st.sampled_from([*_OTHERS]))
    values = table[column].tolist()
    values[row] = _OTHERS[column](values[row])
    changed = pd.Series(values, dtype=table[column].dtype)
    assert content_of(table.assign(**{column: changed})) != same


def test_names_and_types_count() -> None:
    table = pd.DataFrame({"delta": [1.0]})
    assert content_of(table.rename(columns={"delta": "se"})) != content_of(table)
    assert content_of(table.astype("float32")) != content_of(table)
    assert content_of(table.iloc[:0]) != content_of(table)
