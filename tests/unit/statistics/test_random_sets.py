"""p, effect size and band of one set among random sets, in closed form and under the null."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_scaling.statistics.random_sets import against_random


def test_closed_form() -> None:
    found = against_random(-3.0, [0.0, -1.0, -2.0, -3.0, -4.0], harm=-1)
    assert found.p == pytest.approx(3 / 6)  # -3 and -4 do at least as much damage
    assert found.p_floor == pytest.approx(1 / 6)
    assert found.sd == pytest.approx(np.sqrt(2.5))
    assert found.effect_size == pytest.approx(-1 / np.sqrt(2.5))
    assert (found.low, found.high) == pytest.approx((-3.9, -0.1))


def test_damage_of_a_loss_is_a_rise() -> None:
    assert against_random(2.0, [0.0, 1.0, 3.0], harm=1).p == pytest.approx(2 / 4)
    assert against_random(2.0, [0.0, 1.0, 3.0], harm=-1).p == pytest.approx(3 / 4)
    with pytest.raises(ValueError, match="harm"):
        against_random(2.0, [0.0], harm=0)


def test_rounding_is_a_tie() -> None:
    assert against_random(-0.3, [-(0.1 + 0.2), 0.0], harm=-1).p == pytest.approx(2 / 3)


def test_what_is_not_measured_is_missing() -> None:
    assert np.isnan(against_random(-1.0, [], harm=-1)).all()
    assert np.isnan(against_random(np.nan, [0.0, 1.0], harm=-1)).all()
    one = against_random(-1.0, [0.0], harm=-1)
    assert one.p == 0.5
    assert np.isnan([one.sd, one.effect_size]).all()
    same = against_random(-1.0, [0.0, 0.0], harm=-1)
    assert same.sd == 0
    assert np.isnan(same.effect_size)


@given(
    st.floats(-10, 10),
    st.lists(st.floats(-10, 10), min_size=2, max_size=30),
    st.floats(0.1, 10),
    st.floats(-5, 5),
)
def test_units_do_not_matter(value: float, random: list[float], scale: float, shift: float) -> None:
    # Far enough from ties that rounding cannot change the order.
    random = [x for x in random if abs(x - value) > 1e-3] or [value + 1]
    first = against_random(value, random, harm=-1)
    again = against_random(scale * value + shift, scale * np.array(random) + shift, harm=-1)
    assert again.p == first.p
    assert first.p_floor <= first.p <= 1


def test_p_is_super_uniform_under_the_null() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_t(2, (4000, 20))
    p = np.array([against_random(row[0], row[1:], harm=-1).p for row in values])
    for level in (0.05, 0.1, 0.25, 0.5):
        # Exactly the level, or less between the steps of p; 3 standard errors of 4,000 draws.
        assert (p <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / 4000)
    assert (p <= 0.05).mean() > 0.03


def test_sets_that_were_not_measured_are_no_sets() -> None:
    measured = against_random(-3.0, [-1.0, -2.0, -4.0], -1)
    assert against_random(-3.0, [-1.0, np.nan, -2.0, -4.0, np.nan], -1) == measured
    assert np.isnan(against_random(-3.0, [np.nan], -1)).all()
