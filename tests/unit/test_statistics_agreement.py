"""Rank agreement: against scipy, and NaN without a warning where it is not defined."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from circuit_scaling.statistics.agreement import spearman

ranks = hnp.arrays(float, 9, elements=st.integers(-3, 3).map(float))


@settings(deadline=None)
@given(ranks, ranks)
def test_is_the_correlation_of_ranks(a: np.ndarray, b: np.ndarray) -> None:
    got = spearman(a, b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert np.isnan(got)
    else:
        rank_a, rank_b = scipy.stats.rankdata(a), scipy.stats.rankdata(b)
        assert got == pytest.approx(np.corrcoef(rank_a, rank_b)[0, 1], abs=1e-12)
        assert spearman(b, a) == pytest.approx(got, abs=1e-12)
        assert spearman(np.exp(a), b) == pytest.approx(got, abs=1e-12)
        assert spearman(-a, b) == pytest.approx(-got, abs=1e-12)


def test_by_hand() -> None:
    assert spearman([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1, 1, 1], [1, 2, 3]),
        ([1, 2, 3], [0.1, 0.1, 0.1]),
        ([1, np.nan, 3], [1, 2, 3]),
        ([1, 2, 3], [np.nan, np.nan, np.nan]),
        ([1], [2]),
        ([], []),
    ],
)
def test_not_defined_is_nan_and_silent(a: list[float], b: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(spearman(a, b))


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        spearman([1, 2, 3], [1, 2])
