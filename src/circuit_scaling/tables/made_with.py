"""The parameters that a table was made with: they travel with it, in the metadata of its file.

A page, a figure or an export that names a parameter, such as tau, prints what the table was made
with and never the present configuration, which may be another one by now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from circuit_scaling.tables.table import TableError

_KEY = "made_with"


def made_with(table: pd.DataFrame) -> dict[str, Any]:
    """Dotted name of a parameter -> its value as plain data; empty where nothing is known.

    The parameters of the tables that it was made from are among them.
    """
    return of_attributes(table.attrs)


def of_attributes(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """The same, of a table's ``attrs``, which can be read without its rows."""
    return dict(attributes.get(_KEY) or {})


def parameter(table: pd.DataFrame, name: str, of: str) -> Any:
    """One parameter that ``table`` was made with, such as ``classify.tau``.

    Args:
        of: the table's name, for the message.

    Raises:
        TableError: the table does not say; an older version of the project made it.
    """
    found = made_with(table)
    if name not in found:
        raise TableError(
            f"Table '{of}' does not say with which {name} it was made: it is of an older version. "
            "Make it again."
        )
    return found[name]


def set_made_with(table: pd.DataFrame, parameters: Mapping[str, Any]) -> None:
    """Let ``table`` carry these parameters, in place of those that it may carry."""
    kept = {name: value for name, value in table.attrs.items() if name != _KEY}
    table.attrs = kept | ({_KEY: dict(sorted(parameters.items()))} if parameters else {})
