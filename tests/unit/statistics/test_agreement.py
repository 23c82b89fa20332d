"""Agreement of two lists: by definition, and NaN without a warning where it is not defined."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from circuit_scaling.statistics.agreement import pearson, spearman, top_overlap

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
        assert np.isnan(pearson(a, b))
        if a:
            assert np.isnan(top_overlap(a, b, 1))


@settings(deadline=None)
@given(ranks, ranks)
def test_pearson_is_the_correlation(a: np.ndarray, b: np.ndarray) -> None:
    got = pearson(a, b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert np.isnan(got)
    else:
        assert got == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-12)


def test_top_overlap_counts_by_absolute_value() -> None:
    exact, estimated = [-9.0, 5.0, 0.1, 4.0, 0.0], [0.2, -3.0, 7.0, 2.5, 0.1]
    assert top_overlap(exact, estimated, 1) == 0  # head 0 against head 2
    assert top_overlap(exact, estimated, 2) == 0.5  # 0, 1 against 2, 1
    assert top_overlap(exact, estimated, 3) == pytest.approx(2 / 3)  # 0, 1, 3 against 2, 1, 3
    assert top_overlap(exact, estimated, 5) == 1


def test_of_equal_values_the_first_counts_as_larger() -> None:
    assert top_overlap([1, 1, 0], [1, 0, 0], 1) == 1
    assert top_overlap([1, -1, 0], [0, 1, 0], 1) == 0


def test_values_of_one_size_have_no_top() -> None:
    assert np.isnan(top_overlap([1, -1, 1], [1, 2, 3], 2))


@pytest.mark.parametrize("k", [0, 4])
def test_a_top_outside_the_list_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"top {k} of 3"):
        top_overlap([1, 2, 3], [1, 2, 3], k)


@pytest.mark.parametrize("measure", [spearman, pearson, lambda a, b: top_overlap(a, b, 1)])
def test_lists_of_different_length_are_refused(measure: Callable[..., float]) -> None:
    with pytest.raises(ValueError, match="equally long"):
        measure([1, 2, 3], [1, 2])
