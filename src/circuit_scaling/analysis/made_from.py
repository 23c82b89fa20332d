"""Which heads a table was made from, so that it is never shown beside others."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.fingerprint import fingerprint_of

_KEY = "made_from"


def stamp(tables: dict[str, pd.DataFrame], heads: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables, with the fingerprint of ``classified_heads`` in the metadata of their files."""
    mark = _fingerprint(heads)
    for table in tables.values():
        table.attrs = {_KEY: mark}
    return tables


def is_made_from(table: pd.DataFrame, heads: pd.DataFrame) -> bool:
    """Whether ``table`` was made from these ``classified_heads``; one without a stamp was not."""
    return table.attrs.get(_KEY) == _fingerprint(heads)


def _fingerprint(heads: pd.DataFrame) -> str:
    rows = pd.util.hash_pandas_object(heads, index=False)
    return fingerprint_of({"columns": list(heads.columns), "rows": rows.tolist()})
