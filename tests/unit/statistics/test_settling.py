"""When effects are told from tau, and when it is worth while to go on."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from circuit_scaling.statistics.estimates import Estimates
from circuit_scaling.statistics.looks import nominal_level, overall_p
from circuit_scaling.statistics.settling import WORTHWHILE, Looks

LOOKS = Looks((64, 128, 256), tau=0.05, error=0.025)


def estimates(mean: list[float], se: float | list[float]) -> Estimates:
    """Normal errors that are known."""
    values = np.array(mean)
    error = np.broadcast_to(np.asarray(se, dtype=np.float64), values.shape)
    return Estimates(values, error, np.zeros(values.shape), np.full(values.shape, 1e6))


def test_effects_on_one_side_of_both_thresholds_are_settled() -> None:
    found = LOOKS.settled(estimates([0.0, 0.3, -0.3, 0.05, -0.06, 0.03], 0.01))
    assert found.tolist() == [True, True, True, False, False, False]


def test_what_is_settled_is_stricter_than_the_interval_that_is_shown() -> None:
    low, high = LOOKS.interval(estimates([0.0], 1.0))
    # The bound of three looks at doubled samples, by the integral that is tested elsewhere.
    assert overall_p(2 * (1 - _below(high[0])), LOOKS.sizes) == pytest.approx(0.05, abs=1e-4)
    assert low[0] == pytest.approx(-high[0])
    assert nominal_level(LOOKS.error, LOOKS.sizes) < 2 * (1 - _below(high[0])) < 0.05


def _below(z: float) -> float:
    return NormalDist().cdf(z)


def test_what_further_prompts_would_hardly_narrow_is_given_up() -> None:
    same = estimates([0.05] * 3, 1.0)
    # All of the variance falls with prompts, none of it, and just enough to be worth while.
    enough = (1 - 1 / (WORTHWHILE + 1e-6) ** 2) / (1 - LOOKS.sizes[0] / LOOKS.sizes[-1])
    parts = np.array([1.0, 0.0, enough])
    assert LOOKS.worthwhile(same, parts, 0).tolist() == [True, False, True]
    assert LOOKS.worthwhile(same, parts * [1, 1, 0.9], 0).tolist() == [True, False, False]
    assert not LOOKS.worthwhile(same, parts, len(LOOKS.sizes) - 1).any()


def test_p_is_that_of_all_looks() -> None:
    found = LOOKS.p_values(np.array([0.01, 1.0, 0.0]))
    assert found.tolist() == [overall_p(0.01, LOOKS.sizes), 1.0, 0.0]
    assert 0.01 < found[0] < 0.03
