"""False discovery control: by hand and as the step-up procedure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from circuit_scaling.statistics.significance import q_values


def test_q_by_hand_with_what_was_not_tested() -> None:
    q = q_values([[0.01, np.nan, 0.04], [0.03, 0.005, np.nan]])
    np.testing.assert_allclose(q, [[0.02, np.nan, 0.04], [0.04, 0.02, np.nan]])
    assert np.isnan(q_values([np.nan, np.nan])).all()
    assert q_values([]).shape == (0,)


@settings(deadline=None)
@given(hnp.arrays(float, st.integers(1, 30), elements=st.floats(0, 1)))
def test_q_is_the_step_up_procedure(p: np.ndarray) -> None:
    order = np.argsort(p)
    stepped = p[order] * p.size / np.arange(1, p.size + 1)
    expected = np.empty_like(p)
    expected[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1)
    np.testing.assert_allclose(q_values(p), expected, rtol=1e-12)


@pytest.mark.parametrize("p", [-0.1, 1.5, np.inf])
def test_q_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        q_values([0.5, p])
