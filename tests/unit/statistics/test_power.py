"""Minimal detectable effect and prompts needed, against the power of the test itself."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.statistics.power import minimal_detectable_effect, prompts_needed


def test_effect_is_found_with_the_promised_power() -> None:
    effect = minimal_detectable_effect([1.0, 0.25])
    critical = scipy.stats.norm.isf(0.025)
    np.testing.assert_allclose(scipy.stats.norm.sf(critical - effect / [1.0, 0.25]), 0.8)
    assert effect[0] == pytest.approx(2.8016, abs=1e-4)


def test_missing_se_gives_missing_effect() -> None:
    np.testing.assert_array_equal(minimal_detectable_effect([np.nan, 0.0]), [np.nan, 0.0])


def test_prompts_by_hand() -> None:
    # Half width 1.96 x 0.1 on 400 prompts; half the distance needs four times the prompts.
    needed = prompts_needed([0.1, 0.1, 0.1], 400, [0.1, 0.05, 10.0])
    np.testing.assert_array_equal(needed, [1537, 6147, 1])


@settings(deadline=None)
@given(st.floats(1e-3, 1), st.integers(1, 5000), st.floats(1e-3, 1))
def test_prompts_are_the_smallest_number_that_settles_it(
    se: float, n_prompts: int, distance: float
) -> None:
    needed = float(prompts_needed(se, n_prompts, distance))
    half_width = scipy.stats.norm.ppf(0.975) * se * np.sqrt(n_prompts)
    assert half_width / np.sqrt(needed) < distance * (1 + 1e-9)
    assert needed == 1 or half_width / np.sqrt(needed - 1) >= distance * (1 - 1e-9)


def test_what_cannot_be_settled_or_was_not_measured() -> None:
    needed = prompts_needed([0.1, 0.0, 0.0, np.nan, np.nan, 0.1], 10, [0, 0, 0.1, 0.1, 0, np.nan])
    np.testing.assert_array_equal(needed, [np.inf, np.inf, 1, np.nan, np.nan, np.nan])


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="standard error must not be negative"):
        minimal_detectable_effect([-0.1])
    with pytest.raises(ValueError, match="distance must not be negative"):
        prompts_needed(0.1, 10, -0.05)
    with pytest.raises(ValueError, match="at least 1"):
        prompts_needed(0.1, 0, 0.05)
