"""Exact intervals of shares: where they have a closed form, and how often they hold the truth."""

from __future__ import annotations

import math

import pytest

from circuit_scaling.statistics.shares import exact_interval


@pytest.mark.parametrize("n", [1, 6, 40])
def test_all_and_none_have_a_closed_form(n):
    assert exact_interval(n, n) == pytest.approx((0.025 ** (1 / n), 1))
    assert exact_interval(0, n) == pytest.approx((0, 1 - 0.025 ** (1 / n)))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.93])
def test_it_holds_the_truth(share):
    n = 12
    held = 0.0
    for k in range(n + 1):
        low, high = exact_interval(k, n)
        if low <= share <= high:
            held += math.comb(n, k) * share**k * (1 - share) ** (n - k)
    assert held >= 0.95
