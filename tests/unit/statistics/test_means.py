"""Means over clusters: closed forms, the test that the interval inverts, coverage and size."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from circuit_scaling.statistics.clusters import MIN_CLUSTERS, ClusterTotals, cluster_totals
from circuit_scaling.statistics.means import cluster_means, error_between
from circuit_scaling.statistics.significance import q_values
from tests.helpers.simulated_effects import POPULATIONS, drawn, totals_of

SYMMETRIC = scipy.stats.norm.ppf((np.arange(15) + 0.5) / 15) + 3


def unequal(seed: int, items: int = 3, n_clusters: int = 12) -> tuple[ClusterTotals, NDArray]:
    """Skewed effects in clusters of 1 to 7 prompts, and the effects."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_clusters), rng.integers(1, 8, n_clusters))
    values = rng.exponential(size=(items, n_clusters))[:, labels]
    return cluster_totals(values + rng.normal(size=values.shape), labels), values


def two_tests(values: NDArray, mean: float) -> float:
    """The larger p of Student's t and of Hall's, written down from the paper."""
    n = len(values)
    t = (values.mean() - mean) / values.std(ddof=1)
    skew = scipy.stats.skew(values, bias=False)
    hall = t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / (6 * n)
    return max(2 * scipy.stats.t(n - 1).sf(np.sqrt(n) * abs(one)) for one in (t, hall))


def test_symmetric_values_have_students_interval_and_p() -> None:
    found = cluster_means(totals_of(SYMMETRIC[None]))
    t = scipy.stats.t(14, loc=3, scale=scipy.stats.sem(SYMMETRIC))
    np.testing.assert_allclose((found.low[0], found.high[0]), t.interval(0.95), rtol=1e-9)
    assert found.p[0] == pytest.approx(scipy.stats.ttest_1samp(SYMMETRIC, 0).pvalue, rel=1e-9)
    assert found.se[0] == pytest.approx(scipy.stats.sem(SYMMETRIC))


@pytest.mark.parametrize("sign", [1, -1])
def test_skewed_values_have_the_worse_of_both_tests(sign: int) -> None:
    values = sign * np.random.default_rng(1).lognormal(size=(5, 20))
    found = cluster_means(totals_of(values))
    for i, row in enumerate(values):
        assert found.p[i] == pytest.approx(two_tests(row, 0.0), rel=1e-9)
        for end in (found.low[i], found.high[i]):
            assert two_tests(row, end) == pytest.approx(0.05, rel=1e-6)
        student = scipy.stats.t(19, row.mean(), scipy.stats.sem(row)).interval(0.95)
        assert found.low[i] <= student[0] + 1e-9
        assert found.high[i] >= student[1] - 1e-9


def test_the_interval_holds_what_is_not_refused_of_unequal_clusters_too() -> None:
    totals, _ = unequal(2)

    def shifted(by: float) -> NDArray:
        moved = ClusterTotals(totals.labels, totals.sums - by * totals.n_prompts, totals.n_prompts)
        return cluster_means(moved).p

    found = cluster_means(totals)
    for i in range(3):
        for end in (found.low[i], found.high[i]):
            assert shifted(float(end))[i] == pytest.approx(0.05, rel=1e-6)


def test_unequal_clusters_give_the_standard_error_of_a_ratio_of_sums() -> None:
    totals, _ = unequal(3)
    added = totals.sums - totals.mean[:, None] * totals.n_prompts
    expected = np.sqrt(np.square(added).sum(axis=1) * 12 / 11) / totals.n_prompts.sum()
    np.testing.assert_allclose(cluster_means(totals).se, expected)


def test_prompts_of_one_cluster_are_not_evidence_twice() -> None:
    values = np.random.default_rng(4).normal(size=(3, 15))
    copies = cluster_totals(np.repeat(values, 6, axis=1), np.repeat(np.arange(15), 6))
    once = cluster_means(cluster_totals(values, np.arange(15)))
    np.testing.assert_allclose(cluster_means(copies), once, atol=1e-12)


def test_too_few_clusters_give_a_mean_and_nothing_else() -> None:
    few = cluster_means(totals_of(np.ones((2, MIN_CLUSTERS - 1))))
    np.testing.assert_array_equal(few.mean, 1.0)
    assert np.isnan([few.se, few.low, few.high, few.p]).all()
    enough = cluster_means(totals_of(np.random.default_rng(5).normal(size=(2, MIN_CLUSTERS))))
    assert np.isfinite(enough).all()


def test_clusters_of_one_value_are_told_from_0_by_their_signs() -> None:
    found = cluster_means(totals_of(np.repeat([[0.0], [0.3], [-0.3]], 12, axis=1)))
    np.testing.assert_array_equal(found.se, 0.0)
    np.testing.assert_array_equal(found.low, found.mean)
    np.testing.assert_array_equal(found.p, [1.0, 2**-11, 2**-11])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.floats(-5, 5), scale=st.floats(0.1, 10))
def test_moves_with_shift_scale_and_sign(seed: int, shift: float, scale: float) -> None:
    totals, _ = unequal(seed)
    sums = shift * totals.n_prompts - scale * totals.sums
    moved = cluster_means(ClusterTotals(totals.labels, sums, totals.n_prompts))
    plain = cluster_means(totals)
    np.testing.assert_allclose(moved.mean, shift - scale * plain.mean, atol=1e-9)
    np.testing.assert_allclose(moved.se, scale * plain.se, atol=1e-9)
    np.testing.assert_allclose(moved.low, shift - scale * plain.high, atol=1e-9)
    np.testing.assert_allclose(moved.high, shift - scale * plain.low, atol=1e-9)
    assert (plain.low <= plain.mean).all()
    assert (plain.mean <= plain.high).all()


def test_p_is_as_small_as_the_evidence() -> None:
    values = np.random.default_rng(6).normal(3, 1, size=(1, 60))
    assert cluster_means(totals_of(values)).p[0] < 1e-20  # no floor of random draws


# Skew that 10 or 20 clusters do not show enough of: docs/coverage.md names these cells.
LOWEST = {
    ("log-normal", 10): 0.91,
    ("log-normal", 20): 0.925,
    ("zero in 7 of 10 clusters", 10): 0.905,
}


# 20,000 items: a true 95 % is measured as 94.6 to 95.4 in 99 cells of 100.
@pytest.mark.parametrize("n_clusters", [10, 20, 40])
@pytest.mark.parametrize("name", list(POPULATIONS))
def test_coverage(name: str, n_clusters: int) -> None:
    rng = np.random.default_rng(7)
    found = cluster_means(drawn(name, rng, 20_000, n_clusters))
    held = np.mean((found.low <= 0) & (found.high >= 0))
    assert LOWEST.get((name, n_clusters), 0.93) <= held <= 0.985
    # p below 0.05 says that 0 is outside the interval, and nothing else.
    assert np.mean(found.p < 0.05) == pytest.approx(1 - held, abs=1e-4)


@pytest.mark.parametrize("name", ["normal", "t, 3 degrees of freedom", "exponential"])
def test_small_p_of_the_null_are_rare(name: str) -> None:
    rng = np.random.default_rng(8)
    p = cluster_means(drawn(name, rng, 100_000, 40)).p
    assert np.mean(p < 0.001) < 0.002
    # Families of 48 heads without any effect: how often one is found all the same.
    found = [bool((q_values(family) < 0.05).any()) for family in p.reshape(-1, 50)]
    assert np.mean(found) < 0.10


class TestErrorBetween:
    def test_is_the_standard_error_over_groups(self) -> None:
        means = np.random.default_rng(9).normal(size=(4, 8))
        totals = cluster_totals(np.repeat(means, 5, axis=1), np.repeat(np.arange(8), 5))
        np.testing.assert_allclose(error_between(totals), scipy.stats.sem(means, axis=1))

    def test_of_one_group_is_not_known(self) -> None:
        assert np.isnan(error_between(totals_of(np.ones((2, 1))))).all()
