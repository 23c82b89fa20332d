"""Heads that follow the order of the names, and heads that do not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from circuit_scaling.analysis.classify.name_order import name_order
from circuit_scaling.tables.classify import NAME_ORDER
from tests.helpers.joined_heads import ANTI, CATEGORY, joined, spread

TAU = 0.05
ORDER = np.array([0.0, 0.3, 0.0, 0.0, -0.2, 0.0])


def measured() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Six heads; two of them move towards the second name, whoever is repeated."""
    rng = np.random.default_rng(1)
    heads, effects = joined("a", deviations=np.stack([spread(12, 0.01)] * 6))
    either = effects[effects["task"] == "anti_names"]
    first = either.assign(
        task="anti_names_first",
        effect=either["effect"] + ORDER.repeat(12) + rng.normal(0, 0.01, len(either)),
    )
    heads["delta_anti_names_first"] = heads["delta_anti_names"] + ORDER
    return heads, pd.concat([effects, first], ignore_index=True)


def test_heads_that_follow_the_order_are_found() -> None:
    table = name_order(*measured(), TAU)
    NAME_ORDER.validate(table)
    np.testing.assert_allclose(table["difference"], ORDER, atol=0.02)
    assert (table["q"] < 0.05).tolist() == (ORDER != 0).tolist()
    assert ((table["low"] <= ORDER) & (table["high"] >= ORDER)).sum() >= 5
    assert table["category"].tolist() == CATEGORY
    assert table["category_first"].tolist()[1] == "anti_only"
    np.testing.assert_allclose(table["delta_anti_names_first"], ANTI + ORDER)


def test_a_model_that_was_measured_on_one_form_only_has_no_rows() -> None:
    heads, effects = measured()
    one = effects[effects["task"] != "anti_names_first"]
    assert name_order(heads, one, TAU).empty
    assert name_order(heads.drop(columns="delta_anti_names_first"), effects, TAU).empty


def test_clusters_that_only_one_form_has_are_left_out() -> None:
    heads, effects = measured()
    few = effects[~((effects["task"] == "anti_names_first") & (effects["cluster"] == "c03"))]
    assert set(name_order(heads, few, TAU)["n_clusters"]) == {11}
