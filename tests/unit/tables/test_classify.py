"""Schemas of ``tables/classify.py``: what they alone refuse and allow."""

from __future__ import annotations

import pytest

from tests.helpers.table_checks import refuses


@pytest.mark.parametrize(
    ("name", "column", "value", "reason"),
    [
        ("classified_heads", "category_stability", 2.0, "not in 0..1"),
        ("classified_heads", "strength", -1.0, "below 0"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, column: str, value: float, reason: str) -> None:
    refuses(name, column, value, reason)
