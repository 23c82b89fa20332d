"""The line through a few models: by hand, and not defined where two points would do."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.statistics.trend import linear_trend


def test_three_points_by_hand() -> None:
    trend = linear_trend([0, 1, 2], [0.0, 1.0, 1.0])
    # Slope 1/2; residuals -1/6, 1/3, -1/6 leave 1/6 on one degree of freedom, over Sxx = 2.
    assert trend.slope == pytest.approx(0.5, abs=1e-12)
    assert trend.se == pytest.approx(np.sqrt(1 / 12), abs=1e-12)
    assert trend.high - trend.slope == pytest.approx(12.7062047 * np.sqrt(1 / 12), rel=1e-6)
    assert trend.slope - trend.low == pytest.approx(trend.high - trend.slope)


def test_missing_pairs_are_left_out() -> None:
    whole = linear_trend([0, 1, 2, 4], [1.0, 0.0, 2.0, 3.0])
    gaps = linear_trend([0, 1, np.nan, 2, 4, 5], [1.0, 0.0, 9.0, 2.0, 3.0, np.nan])
    assert gaps == whole
    assert gaps.n == 4


@pytest.mark.parametrize(
    ("x", "y", "n"),
    [([], [], 0), ([1], [1], 1), ([1, 2], [1, 2], 2), ([1, 1, 1], [1, 2, 3], 3)],
)
def test_not_defined_is_nan(x: list[float], y: list[float], n: int) -> None:
    trend = linear_trend(x, y)
    assert trend.n == n
    assert np.isnan(trend[1:]).all()


def test_coverage_with_three_models() -> None:
    rng = np.random.default_rng(0)
    x = np.array([0.0, 0.4, 1.3])
    trends = [linear_trend(x, 0.7 * x + rng.normal(size=3)) for _ in range(1000)]
    held = np.mean([t.low <= 0.7 <= t.high for t in trends])
    assert 0.93 <= held <= 0.97
