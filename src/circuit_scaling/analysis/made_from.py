"""What a table or a figure was made from, so that it is never shown beside anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import pandas as pd

from circuit_scaling.fingerprint import fingerprint_of

_KEY = "made_from"
_Figure = TypeVar("_Figure")


def stamp(tables: dict[str, pd.DataFrame], heads: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables, with the fingerprint of ``classified_heads`` in the metadata of their files."""
    return stamp_with(tables, mark_of(heads))


def stamp_with(tables: dict[str, pd.DataFrame], mark: str) -> dict[str, pd.DataFrame]:
    """The tables, with ``mark`` in the metadata of their files."""
    for table in tables.values():
        table.attrs = {_KEY: mark}
    return tables


def stamp_like(
    drawn: Mapping[str, tuple[_Figure, pd.DataFrame]], table: pd.DataFrame
) -> dict[str, tuple[_Figure, pd.DataFrame]]:
    """The figures, with the stamp of the ``table`` that they draw on the data beside them."""
    mark = mark_on(table)
    return {name: (figure, _stamped(shown, mark)) for name, (figure, shown) in drawn.items()}


def stamp_figures(
    drawn: Mapping[str, tuple[_Figure, pd.DataFrame]], heads: pd.DataFrame
) -> dict[str, tuple[_Figure, pd.DataFrame]]:
    """The same for figures of ``classified_heads`` themselves."""
    mark = mark_of(heads)
    return {name: (figure, _stamped(shown, mark)) for name, (figure, shown) in drawn.items()}


def is_made_from(table: pd.DataFrame, heads: pd.DataFrame) -> bool:
    """Whether ``table`` was made from these ``classified_heads``; one without a stamp was not."""
    return mark_on(table) == mark_of(heads)


def is_about(findings: pd.DataFrame | None, heads: pd.DataFrame | None) -> bool:
    """Whether ``import_findings`` are of these heads, and not of a table that was there before."""
    if findings is None or heads is None:
        return findings is not None
    return bool(findings["fingerprint"].isin(heads["fingerprint"]).any())


def mark_on(table: pd.DataFrame) -> str | None:
    """The fingerprint of the heads that the table was made from, if it is stamped."""
    mark: str | None = table.attrs.get(_KEY)
    return mark


def mark_of(heads: pd.DataFrame) -> str:
    """The fingerprint of ``classified_heads`` that everything made from them is stamped with."""
    rows = pd.util.hash_pandas_object(heads, index=False)
    return fingerprint_of({"columns": list(heads.columns), "rows": rows.tolist()})


def mark_of_prints(*tables: pd.DataFrame) -> str:
    """One fingerprint for tables whose rows carry those of what they were measured from."""
    prints = {str(mark) for table in tables for mark in table["fingerprint"].unique()}
    return fingerprint_of({"fingerprints": sorted(prints)})


def _stamped(shown: pd.DataFrame, mark: str | None) -> pd.DataFrame:
    """A frame of its own with the mark: ``shown`` may be a table of the catalogue."""
    stamped = shown.copy(deep=False)
    stamped.attrs = shown.attrs | {_KEY: mark}
    return stamped
