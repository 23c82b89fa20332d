"""Orders, looks and numbers that all figures share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from circuit_scaling import figures
from circuit_scaling.figures.style import CATEGORIES, family_looks, number, order_models
from tests.helpers.drawn import ORDER, ORDER_OF_COMPETENCE


class TestOrders:
    def test_models_by_family_then_size(self, heads: pd.DataFrame) -> None:
        assert order_models(heads) == ORDER
        assert order_models(heads.sample(frac=1, random_state=0)) == ORDER

    def test_models_without_sizes_keep_the_order_of_the_rows(self, heads: pd.DataFrame) -> None:
        assert order_models(heads.drop(columns="params_m")) == ORDER_OF_COMPETENCE

    def test_a_missing_size_comes_last_in_its_family(self, heads: pd.DataFrame) -> None:
        unknown = heads.copy()
        unknown.loc[unknown["model"] == "mini_gpt2_s", "params_m"] = None
        assert order_models(unknown)[:2] == ["mini_gpt2_l", "mini_gpt2_s"]

    def test_unknown_families_follow_with_looks_of_their_own(self) -> None:
        looks = family_looks(["zeta", "control", "alpha", "gpt2"])
        assert list(looks) == ["gpt2", "control", "alpha", "zeta"]
        assert len({look.marker for look in looks.values()}) == 4
        assert len({look.colour for look in looks.values()}) == 4

    def test_families_differ_in_colour_and_marker(self) -> None:
        looks = [look for look in family_looks(figures.style.FAMILIES).values()]
        assert len({look.colour for look in looks}) == len(looks)
        assert len({look.marker for look in looks}) == len(looks)

    def test_categories_differ_in_grey_print(self) -> None:
        weights = np.array([0.2126, 0.7152, 0.0722])
        greys = sorted(float(weights @ to_rgba(c.colour)[:3]) for c in CATEGORIES.values())
        assert min(np.diff(greys)) > 0.12


@pytest.mark.parametrize(
    ("value", "text"),
    [(-1.234, "−1.23"), (-0.001, "0.00"), (2.0, "2.00"), (float("nan"), "–"), (None, "–")],
)
def test_numbers_have_a_real_minus_and_missing_is_a_dash(value: float, text: str) -> None:
    assert number(value) == text
