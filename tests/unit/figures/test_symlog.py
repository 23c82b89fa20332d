"""Axes that are linear within tau."""

from __future__ import annotations

import numpy as np

from circuit_scaling.figures.symlog import symlog_limits, symlog_ticks
from tests.helpers.drawn import TAU


class TestSymlog:
    def test_ticks_hold_zero_and_tau_and_keep_their_distance(self) -> None:
        assert symlog_ticks(0.05, 6.0, 4.0) == [-5, -1, -0.2, -0.05, 0, 0.05, 0.2, 1, 5]

    def test_limits_hold_the_values_and_tau(self) -> None:
        low, high = symlog_limits(np.array([-3.0, 0.001]), TAU)
        assert low < -3.0
        assert high > 2 * TAU
