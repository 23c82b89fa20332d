"""A table's schema, and refusals that name table, column and rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandera.errors import SchemaErrors
from pandera.pandas import Column, DataFrameSchema

from circuit_scaling.vocabulary import some_of

_ROWS_SHOWN = 5


class TableError(ValueError):
    """A table does not fit its schema; the message names the table, the column and the rows."""


@dataclass(frozen=True)
class Table:
    """The schema of one table; the catalogue calls ``validate`` on load and on save.

    Attributes:
        name: as in the catalogue.
        columns: name (or regular expression) -> Pandera column; other columns are refused.
        keys: columns that together name a row.
        may_be_empty: whether no rows at all is a valid table.
        every_head: whether each measurement must have all heads of the model's shape, and no other.
        lengths: column of lists -> the column that says how many numbers each must have, not
            counting what is missing.
    """

    name: str
    columns: Mapping[str, Column]
    keys: tuple[str, ...]
    may_be_empty: bool = False
    every_head: bool = False
    lengths: Mapping[str, str] = field(default_factory=dict)

    def validate(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return ``frame`` if it fits.

        Raises:
            TableError: it does not; every fault is listed, with the rows that have it.
        """
        if not isinstance(frame, pd.DataFrame):
            found = type(frame).__name__
            raise TableError(f"Table '{self.name}' must be a DataFrame, not {found}.")
        faults = [*self._column_faults(frame)]
        if not faults:
            faults = [
                *self._key_faults(frame),
                *(self._shape_faults(frame) if self.every_head else ()),
                *self._length_faults(frame),
            ]
        if not faults and self.every_head:
            faults = self._lost_heads(frame)
        if frame.empty and not self.may_be_empty:
            faults.append("it has no rows")
        if faults:
            raise TableError(f"Table '{self.name}': " + "; ".join(faults) + ".")
        return frame

    def empty(self) -> pd.DataFrame:
        """The table without rows, with the right columns and types."""
        return pd.DataFrame(
            {name: pd.Series(dtype=str(column.dtype)) for name, column in self.columns.items()}
        )

    def typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns of the table, in its order and with its types; others are left out."""
        types = {name: str(column.dtype) for name, column in self.columns.items()}
        return frame[list(types)].astype(types).reset_index(drop=True)

    def of(self, rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
        """The rows with the columns and types of the table; without rows, the empty table."""
        found = list(rows)
        return self.typed(pd.DataFrame(found)) if found else self.empty()

    def takes(self, column: pd.Series) -> bool:
        """Whether the column of that name may hold these values."""
        schema = DataFrameSchema({str(column.name): self.columns[str(column.name)]})
        try:
            schema.validate(column.to_frame(), lazy=True)
        except SchemaErrors:
            return False
        return True

    def _column_faults(self, frame: pd.DataFrame) -> list[str]:
        repeated = frame.columns[frame.columns.duplicated()]
        if len(repeated):
            return [f"column {name} comes twice" for name in repeated.unique()]
        schema = DataFrameSchema(dict(self.columns), strict=True)
        by_place = frame.reset_index(drop=True)  # labels of concatenated frames repeat
        try:
            schema.validate(by_place, lazy=True)
        except SchemaErrors as errors:
            return _described(errors.failure_cases, by_place, self.keys)
        return []

    def _key_faults(self, frame: pd.DataFrame) -> list[str]:
        repeated = frame.duplicated(list(self.keys), keep=False)
        if not repeated.any():
            return []
        return [f"columns {', '.join(self.keys)}: duplicate {_rows(frame, repeated, self.keys)}"]

    def _shape_faults(self, frame: pd.DataFrame) -> list[str]:
        """Heads and layers must lie inside the model's shape."""
        faults = []
        for index, size in (("layer", "n_layers"), ("head", "n_heads")):
            outside = frame[index] >= frame[size]
            if outside.any():
                faults.append(
                    f"column {index}: outside the model's {size} in "
                    f"{_rows(frame, outside, self.keys)}"
                )
        return faults

    def _length_faults(self, frame: pd.DataFrame) -> list[str]:
        faults = []
        for lists, size in self.lengths.items():
            wrong = frame[lists].map(_how_many) != frame[size]
            if wrong.any():
                rows = _rows(frame, wrong, self.keys)
                faults.append(f"column {lists}: not as long as {size} says in {rows}")
        return faults

    def _lost_heads(self, frame: pd.DataFrame) -> list[str]:
        """A measurement that lost some heads on the way must not pass for a whole one."""
        measurement = [key for key in self.keys if key not in ("layer", "head")]
        faults = []
        for names, rows in frame.groupby(measurement, sort=False):
            expected = int(rows["n_layers"].iloc[0] * rows["n_heads"].iloc[0])
            if len(rows) != expected:
                named = " ".join(str(name) for name in names)
                faults.append(f"rows of {named}: {len(rows)} of the model's {expected} heads")
        return faults


def _how_many(values: Any) -> int:
    """Numbers in a list, without NaN."""
    return len(values) - int(np.isnan(np.asarray(values, dtype=float)).sum())


def _described(cases: pd.DataFrame, frame: pd.DataFrame, keys: tuple[str, ...]) -> list[str]:
    faults = []
    for (column, check), group in cases.groupby(["column", "check"], dropna=False, sort=False):
        where = column if isinstance(column, str) else group["failure_case"].iloc[0]
        if check == "column_in_dataframe":
            faults += [f"column {name} is missing" for name in group["failure_case"]]
        elif check == "column_in_schema":
            faults += [f"column {name} does not belong to it" for name in group["failure_case"]]
        elif str(check).startswith("dtype"):
            actual = frame[where].dtype if where in frame else "?"
            faults.append(f"column {where}: wrong type {actual}")
        else:
            reason = "missing value" if check == "not_nullable" else str(check)
            bad = frame.index.isin(group["index"].dropna())
            faults.append(f"column {where}: {reason} in {_rows(frame, bad, keys)}")
    return faults


def _rows(frame: pd.DataFrame, bad: Any, keys: tuple[str, ...]) -> str:
    """The first few bad rows by number and key."""
    places = np.flatnonzero(np.asarray(bad))
    shown = []
    for place in places[:_ROWS_SHOWN]:
        named = " ".join(str(frame[key].iloc[place]) for key in keys if key in frame)
        shown.append(f"row {place} ({named})" if named else f"row {place}")
    return some_of(shown, len(places))
