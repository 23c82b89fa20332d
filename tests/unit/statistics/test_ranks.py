"""Fractional ranks and their nulls: by hand, by definition, and honest where there is nothing."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from circuit_scaling.statistics.ranks import (
    fractional_ranks,
    lower_tail,
    random_sums,
    shuffled_groups,
    symmetric_interval,
)

effects = hnp.arrays(
    float, st.integers(1, 12), elements=st.integers(-4, 4).map(lambda value: value / 2)
)


def test_ranks_by_hand() -> None:
    """-3 first; 2 and -2 share second and third; the zeros share the last two places."""
    assert fractional_ranks([0.0, -2.0, -3.0, 2.0, 0.0]).tolist() == [0.9, 0.5, 0.2, 0.5, 0.9]
    assert fractional_ranks([7.0]).tolist() == [1.0]


@settings(deadline=None)
@given(effects)
def test_rank_is_how_many_are_as_strong(values: np.ndarray) -> None:
    size = np.abs(values)
    by_definition = [((size > x).sum() + ((size == x).sum() + 1) / 2) / size.size for x in size]
    np.testing.assert_allclose(fractional_ranks(values), by_definition, atol=1e-12)
    assert fractional_ranks(values).mean() == pytest.approx((size.size + 1) / (2 * size.size))
    np.testing.assert_array_equal(fractional_ranks(-3 * values), fractional_ranks(values))
    rows = fractional_ranks(np.stack([values, values[::-1]]))
    np.testing.assert_array_equal(rows[1], rows[0][::-1])


def test_a_missing_effect_is_refused() -> None:
    with pytest.raises(ValueError, match="an effect is missing"):
        fractional_ranks([0.1, np.nan])


@settings(deadline=None, max_examples=50)
@given(effects, st.integers(1, 14))
def test_random_sums_are_sums_of_different_values(values: np.ndarray, most: int) -> None:
    sums = random_sums(values, most, 40, np.random.default_rng(0))
    kept = min(most, values.size)
    assert sums.shape == (40, kept + 1)
    assert not sums[:, 0].any()
    steps = np.sort(np.diff(sums, axis=1), axis=1)
    if kept == values.size:
        np.testing.assert_allclose(steps, np.broadcast_to(np.sort(values), steps.shape))
    low, high = np.sort(values)[:kept].sum(), np.sort(values)[-kept:].sum()
    assert (sums[:, kept] >= low - 1e-9).all()
    assert (sums[:, kept] <= high + 1e-9).all()


def test_random_sums_have_the_mean_of_the_values() -> None:
    ranks = fractional_ranks(np.arange(30.0))
    sums = random_sums(ranks, 5, 20_000, np.random.default_rng(1))
    np.testing.assert_allclose(sums[:, 1:].mean(axis=0) / np.arange(1, 6), ranks.mean(), atol=0.005)
    # Without replacement: (1 - (k - 1) / (n - 1)) of the variance of k independent draws.
    assert sums[:, 5].var() == pytest.approx(5 * ranks.var() * (1 - 4 / 29), rel=0.05)


def test_p_counts_as_low_or_lower_and_never_reaches_zero() -> None:
    null = np.array([0.2, 0.4, 0.4, 0.6])
    assert lower_tail(0.4, null, 0.4).p == (1 + 3) / (1 + 4)
    assert lower_tail(0.1, null, 0.4).p == 1 / 5
    assert lower_tail(0.4 - 1e-15, null, 0.4).p == 4 / 5  # equal up to rounding
    assert np.isnan(lower_tail(np.nan, null, 0.4)).all()


def test_exchanged_groups_by_enumeration() -> None:
    values, weights = [0.1, 0.5, 0.9, 0.3], [3.0, 1.0, 0.0, 0.0]
    found = shuffled_groups(values, weights, 50_000, np.random.default_rng(0))
    observed = (3 * 0.1 + 0.5) / 4
    null = np.array([(3 * a + b) / 4 for a, b, _, _ in permutations(values)])
    assert found.expected == pytest.approx(0.45)
    assert found.p == pytest.approx((null <= observed + 1e-9).mean(), abs=0.01)


def test_one_group_and_no_weight() -> None:
    rng = np.random.default_rng(0)
    assert shuffled_groups([0.4], [3], 99, rng).p == 1
    assert np.isnan(shuffled_groups([0.4, 0.6], [0, 0], 99, rng)).all()


@pytest.mark.parametrize("kind", ["heads", "groups"])
def test_under_the_null_small_p_are_rare(kind: str) -> None:
    """Super-uniform: P(p <= alpha) <= alpha, ties and few possible draws included."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(1000):
        if kind == "heads":
            ranks = fractional_ranks(rng.integers(0, 6, 24))
            chosen = rng.choice(24, 5, replace=False)
            null = random_sums(ranks, 5, 99, rng)[:, 5] / 5
            found.append(lower_tail(float(ranks[chosen].mean()), null, 0.5).p)
        else:
            weights = rng.multinomial(6, np.full(4, 1 / 4))
            found.append(shuffled_groups(rng.random(4), weights, 99, rng).p)
    for alpha in (0.01, 0.05, 0.1, 0.25, 0.5):
        share = np.mean(np.array(found) <= alpha)
        assert share <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / 1000)


def test_the_interval_is_symmetric_and_stays_inside() -> None:
    draws = np.linspace(0.3, 0.5, 101)
    low, high = symmetric_interval(0.3, draws)
    assert (low, high) == (pytest.approx(0.11), pytest.approx(0.49))
    assert symmetric_interval(0.05, draws)[0] == 0
    assert np.isnan(symmetric_interval(0.3, np.empty(0))).all()
