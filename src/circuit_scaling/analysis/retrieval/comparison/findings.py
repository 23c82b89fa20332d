"""From rankings and accuracies to the tables of findings, and of those that there are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from circuit_scaling.analysis.retrieval.comparison.compared import Found, Values
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.retrieval import ABSENT_FINDINGS, RETRIEVAL_FINDINGS

Intervals = Mapping[str, tuple[Values, Values]]
"""Finding -> lower and upper ends, each aligned to the groups of its ``Found``; NaN where none."""

_NO_INTERVALS: Intervals = MappingProxyType({})
_NAMED = 12
"""Groups without a value are named one by one where a finding has no more of them."""


class FindingTables(NamedTuple):
    """``retrieval_findings`` and ``absent_findings``."""

    retrieval_findings: pd.DataFrame
    absent_findings: pd.DataFrame


def as_tables(found: Sequence[Found], intervals: Intervals = _NO_INTERVALS) -> FindingTables:
    """A row for each group that has a value; why the others have none.

    Where many groups of a finding have no value, or all, they are one row of ``absent_findings``
    with the group "" and their number.

    Args:
        found: no finding twice.
        intervals: of any of them.

    Raises:
        CircuitScalingError: nothing has a value.
    """
    rows = [_rows(block, intervals) for block in found]
    present = pd.concat(rows, ignore_index=True)
    absent = pd.DataFrame(
        [row for block in found for row in _missing(block)], columns=list(ABSENT_FINDINGS.columns)
    )
    if present.empty:
        reasons = "; ".join(absent["reason"].unique())
        raise CircuitScalingError(f"No finding about retrieval heads can be computed: {reasons}.")
    return FindingTables(RETRIEVAL_FINDINGS.typed(present), ABSENT_FINDINGS.typed(absent))


def resting_on(name: str, table: pd.DataFrame, found: Iterable[Found]) -> Iterable[Found]:
    """Findings that rest on a table; where it has no rows, that is why there are none."""
    if len(table):
        return found
    return (block._replace(why=f"there is no table {name}, or it has no rows") for block in found)


def _rows(block: Found, intervals: Intervals) -> pd.DataFrame:
    low, high = intervals.get(block.finding, (np.nan, np.nan))
    rows = pd.DataFrame(
        {
            "group": np.array(block.groups, dtype=object),
            "value": block.values,
            "ci_low": low,
            "ci_high": high,
            "n": block.n,
        }
    )
    return rows[np.isfinite(block.values)].assign(finding=block.finding)


def _missing(block: Found) -> list[tuple[str, str, int, str]]:
    """Rows of ``absent_findings``."""
    missing = np.flatnonzero(~np.isfinite(block.values))
    if len(missing) > _NAMED or len(missing) == len(block.groups):
        return [(block.finding, "", len(missing), block.why)]
    return [(block.finding, block.groups[at], 1, block.why) for at in missing]
