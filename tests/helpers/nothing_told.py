"""Tables in which no interval excludes anything: every one is wide, and every p and q is 1."""

from __future__ import annotations

import re

import pandas as pd

from circuit_scaling.report.context import ReportContext

_WIDE = 1e3  # beyond every effect, share and rank
_LOW = re.compile(r"(.*_)?low(_\w+)?$")
_HIGH = re.compile(r"(.*_)?high(_\w+)?$")
_TEST = re.compile(r"(.*_)?[pq](_\w+)?$")


def nothing_told(context: ReportContext) -> ReportContext:
    """The same tables, with the same numbers, of which none can be told from nothing."""
    return context.with_tables(**{name: _widened(t) for name, t in context.tables.items()})


def _widened(table: pd.DataFrame) -> pd.DataFrame:
    wide = table.copy()
    for name in table.columns:
        if not pd.api.types.is_float_dtype(table[name].dtype):
            continue
        known = table[name].notna()
        if _LOW.match(str(name)):
            wide.loc[known, name] = -_WIDE
        elif _HIGH.match(str(name)):
            wide.loc[known, name] = _WIDE
        elif _TEST.match(str(name)):
            wide.loc[known, name] = 1.0
    wide.attrs = table.attrs
    if "verdict" in wide:  # verdicts follow from intervals
        wide["verdict"] = "unclear"
    return wide
