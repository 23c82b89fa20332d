"""The fits of the benchmarks find what was planted."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fits import exponent, proportion

SIZES = [2.0, 4.0, 8.0, 16.0, 32.0]


@pytest.mark.parametrize("planted", [0.5, 1.0, 1.7, 2.0])
def test_a_planted_exponent_is_recovered(planted: float) -> None:
    fit = exponent(SIZES, [3.0 * size**planted for size in SIZES])
    assert fit.value == pytest.approx(planted, abs=1e-9)
    assert fit.low == pytest.approx(fit.high, abs=1e-6)


def test_the_interval_of_a_noisy_exponent_covers_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    fits = [
        exponent(SIZES, [s**1.5 * np.exp(rng.normal(0, 0.1)) for s in SIZES]) for _ in range(400)
    ]
    covered = np.mean([fit.low <= 1.5 <= fit.high for fit in fits])
    assert 0.92 < covered < 0.98


def test_a_proportion_is_recovered() -> None:
    fit = proportion(SIZES, [5.0 * size for size in SIZES])
    assert fit.factor == pytest.approx(5.0)
    assert fit.r_squared == pytest.approx(1.0)
    assert fit.largest_residual == pytest.approx(0.0, abs=1e-12)


def test_a_constant_cost_is_not_proportional() -> None:
    fit = proportion(SIZES, [1.0, 1.01, 0.99, 1.0, 1.0])
    assert fit.r_squared < 0
    assert fit.largest_residual > 1
