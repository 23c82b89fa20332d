"""A model's rows in tables of all models are what the scan wrote for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from circuit_scaling.measuring.shared.of_model import of_model, prompts_of
from circuit_scaling.pipelines.per_model import stack
from circuit_scaling.tables.join import JOINT_PROMPTS
from circuit_scaling.tables.scan import PROMPTS

FAMILIES = {"a_small": "a", "b_small": "b", "b": "b"}
VALUES: dict[str, Any] = {
    "tokens": np.array([5, 6, 7]),
    "answer": np.array([1]),
    "distractor": np.array([2]),
    "candidates": np.array([1, 2]),
    "split": "test",
    "data_seed": 3,
    "bos": True,
}


def prompts(slug: str, n_prompts: int) -> pd.DataFrame:
    """A valid table of prompts, not in the order of its keys."""
    rows = [
        {name: VALUES.get(name, f"{name} of {slug}") for name in PROMPTS.columns}
        | {"prompt_id": f"{n:02d}"}
        for n in reversed(range(n_prompts))
    ]
    return PROMPTS.validate(pd.DataFrame(rows))


@pytest.fixture
def scanned() -> dict[str, pd.DataFrame]:
    """The prompts of each model, of different length."""
    return {slug: prompts(slug, n + 2) for n, slug in enumerate(FAMILIES)}


@pytest.fixture
def joint(scanned: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """All of them, as the join stacks them."""
    named = [table.copy() for table in scanned.values()]
    for table, (slug, family) in zip(named, FAMILIES.items(), strict=True):
        table.insert(0, "model", slug)
        table.insert(0, "family", family)
    return JOINT_PROMPTS.validate(stack(*named))


@pytest.mark.parametrize("slug", FAMILIES)
def test_prompts_come_back_as_the_scan_wrote_them(
    scanned: dict[str, pd.DataFrame], joint: pd.DataFrame, slug: str
) -> None:
    """Same columns, dtypes, order and index: what is measured on them keeps its fingerprint."""
    assert_frame_equal(prompts_of(joint, slug), scanned[slug])


def test_rows_keep_their_columns_and_are_numbered_from_0(joint: pd.DataFrame) -> None:
    rows = of_model(joint, "b")
    assert list(rows.columns) == list(joint.columns)
    assert list(rows.index) == [0, 1, 2, 3]
    assert set(rows["model"]) == {"b"}, "a slug that begins alike is another model"


def test_a_model_that_is_not_there_has_no_rows(joint: pd.DataFrame) -> None:
    assert prompts_of(joint, "c").empty
