"""Fieller's interval: the ratios that a t test does not refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.statistics.fieller import fieller_interval


@settings(deadline=None)
@given(st.integers(0, 10**6), st.floats(-3, 3))
def test_both_ends_are_just_refused(seed: int, ratio: float) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(2, 2)) * 0.1
    covariance = root @ root.T
    bottom = 2.0 + 3 * np.sqrt(covariance[1, 1])
    ends = fieller_interval((ratio * bottom, bottom), covariance, 2.1)
    assert ends[0] <= ratio <= ends[1] or ends == pytest.approx((ratio, ratio))
    for end in ends:
        at = np.array([1.0, -end])
        t = (ratio * bottom - end * bottom) ** 2
        assert t == pytest.approx(2.1**2 * (at @ covariance @ at), rel=1e-5, abs=1e-9)


def test_a_denominator_that_may_be_0_leaves_it_open() -> None:
    assert fieller_interval((1.0, 0.1), np.eye(2) * 0.01, 2.0) == (-np.inf, np.inf)


def test_without_uncertainty_it_is_the_ratio() -> None:
    assert fieller_interval((1.0, 4.0), np.zeros((2, 2)), 2.0) == (0.25, 0.25)
