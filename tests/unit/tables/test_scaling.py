"""Schemas of ``tables/scaling.py``: what they alone refuse and allow."""

from __future__ import annotations

import pytest

from tests.helpers.table_checks import refuses


@pytest.mark.parametrize(
    ("name", "column", "value", "reason"),
    [
        ("corr_vs_scale", "corr", 1.5, "not a correlation"),
        ("corr_vs_scale", "corr_true_low", -1.5, "not a correlation"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, column: str, value: float, reason: str) -> None:
    refuses(name, column, value, reason)
