"""Schemas of ``tables/join.py``: what they alone refuse and allow."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.tables.join import JOINT_HEADS
from tests.helpers.table_checks import refusal, refuses, valid
from tests.helpers.valid_tables.rows import JOINT


@pytest.mark.parametrize(
    ("name", "column", "value", "reason"),
    [
        ("attribution_agreement", "top_overlap", 1.5, "not in 0..1"),
        ("joint_heads", "n_heads", 1.5, "not a whole number"),
        ("ablation_agreement", "category_changes", 0.5, "not a whole number"),
        ("joint_heads", "delta_induction", np.inf, "not finite"),
        ("joint_heads", "delta_ioi_abc_test", -np.inf, "not finite"),
        ("joint_heads", "se_anti_lists", -0.1, "below 0"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, column: str, value: float, reason: str) -> None:
    refuses(name, column, value, reason)


def test_joined_heads_may_be_of_an_imported_table_and_outside_any_shape() -> None:
    frame = valid("joint_heads")
    frame.loc[1, ["layer", "head"]] = 40
    JOINT_HEADS.validate(frame)


def test_further_tasks_are_optional_but_no_other_columns() -> None:
    few = [
        c
        for c in JOINT
        if not c.startswith(("delta_anti_lists", "delta_induction", "se_anti_lists"))
    ]
    JOINT_HEADS.validate(valid("joint_heads")[few])
    assert "column tau does not belong" in refusal(
        "joint_heads", valid("joint_heads").assign(tau=1.0)
    )
