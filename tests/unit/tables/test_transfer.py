"""Schemas of ``tables/transfer.py``: what they alone refuse and allow."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.table_checks import refuses


@pytest.mark.parametrize(
    ("name", "column", "value", "reason"),
    [
        ("transfer_heads", "tgt_frac_rank", 1.5, "not in 0..1"),
        ("transfer_summary", "matched_p_same_layer", -0.5, "not in 0..1"),
        ("head_matching", "pearson", np.inf, "not finite"),
        ("head_divergence", "chance_lost", 2.0, "not in 0..1"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, column: str, value: float, reason: str) -> None:
    refuses(name, column, value, reason)
