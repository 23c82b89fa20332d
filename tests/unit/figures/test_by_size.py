"""Models of one size stand side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.figures.by_size import places


class TestBySize:
    def test_models_of_one_size_stand_side_by_side_in_order(self) -> None:
        at = places(pd.Series([100.0, 10.0, 100.0, 100.1]))
        assert at[1] == pytest.approx(10.0)
        assert at[0] < at[2] < at[3]
        assert np.log10(at[[0, 2, 3]]).mean() == pytest.approx(2.0, abs=1e-3)
        steps = np.diff(np.log10(at[[0, 2, 3]]))
        np.testing.assert_allclose(steps, steps[0])

    def test_one_model_stays_where_it_is(self) -> None:
        np.testing.assert_allclose(places(pd.Series([124.0])), [124.0])
