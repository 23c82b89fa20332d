"""What every table and column means, in words and units: a YAML file per module of schemas.

``shared.yml`` has the columns that mean the same wherever they stand. A meaning begins with its
unit in parentheses, where it has one. A key that begins with ``^`` is a regular expression, whose
groups the meaning can name (``\\1``). An end of an interval (``<column>_low``, ``_high``) needs no
words of its own: it is that of its column, and ``low`` and ``high`` alone are those of the column
that the table names as its ``interval``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_WITH_UNIT = re.compile(r"\((?P<unit>[^)]+)\) (?P<words>.+)", re.DOTALL)
_END = re.compile(r"(?:(?P<column>\w+)_)?(?P<end>low|high)")
_ENDS = {"low": "lower", "high": "upper"}
_SHARED = "shared"


@dataclass(frozen=True)
class Meaning:
    """What a column holds.

    Attributes:
        words: in one phrase; negative and positive values are told apart where both mean something.
        unit: such as ``logits``; empty for names, flags and numbers that have none.
    """

    words: str
    unit: str = ""

    @staticmethod
    def of(text: str) -> Meaning:
        """The meaning that is written as ``(unit) words`` or as ``words``."""
        found = _WITH_UNIT.fullmatch(text)
        return Meaning(found["words"], found["unit"]) if found else Meaning(text)


@dataclass(frozen=True)
class TableMeaning:
    """What a table holds.

    Attributes:
        row: what one row is.
        columns: the words for the table's own columns, by name or by expression.
        interval: the column whose interval ``low`` and ``high`` are; empty where there is none.
    """

    row: str
    columns: Mapping[str, str]
    interval: str = ""


def table_meaning(table: str) -> TableMeaning:
    """What a table holds.

    Raises:
        KeyError: no file says it.
    """
    return _tables()[table]


def column_meaning(table: str, column: str) -> Meaning:
    """What a column of a table holds: as the table says it, or as all tables do.

    Raises:
        KeyError: nothing says it.
    """
    told = table_meaning(table)
    text = _found(told.columns, column) or _found(_columns(), column)
    if text is not None:
        return Meaning.of(text)
    end = _END.fullmatch(column)
    if end is None or not (of := end["column"] or told.interval):
        raise KeyError(f"{table}.{column}")
    unit = column_meaning(table, of).unit
    return Meaning(f"{_ENDS[end['end']]} end of the 95 % interval of `{of}`", unit)


def table_names() -> Iterator[str]:
    """The tables that the files speak of."""
    yield from _tables()


def _found(columns: Mapping[str, str], column: str) -> str | None:
    """The words for a column: under its name, or else under the first expression that fits."""
    if column in columns:
        return columns[column]
    for key, text in columns.items():
        if key.startswith("^") and (match := re.fullmatch(key, column)):
            return match.expand(text)
    return None


@cache
def _tables() -> dict[str, TableMeaning]:
    return {
        name: TableMeaning(told["row"], told.get("columns") or {}, told.get("interval", ""))
        for file, content in _contents().items()
        if file != _SHARED
        for name, told in content.items()
    }


@cache
def _columns() -> dict[str, str]:
    return dict(_contents()[_SHARED])


@cache
def _contents() -> dict[str, dict[str, Any]]:
    """Name of a file -> what it holds."""
    return {
        file.name.removesuffix(".yml"): yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in files(__name__).iterdir()
        if file.name.endswith(".yml")
    }
