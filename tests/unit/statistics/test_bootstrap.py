"""Cluster bootstrap: closed forms, another implementation, coverage, shared clusters."""

from __future__ import annotations

import time

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.statistics.bootstrap import (
    MIN_CLUSTERS,
    bootstrap_draws,
    cluster_bootstrap,
)
from circuit_scaling.statistics.clusters import ClusterTotals, cluster_totals


def clustered(
    rng: np.random.Generator, items: int, n_clusters: int, noise: float = 1.0
) -> ClusterTotals:
    """Normal effects of unequal clusters (1 to 8 prompts) whose true mean is 0."""
    labels = np.repeat(np.arange(n_clusters), rng.integers(1, 9, size=n_clusters))
    effects = rng.normal(size=(items, n_clusters))[:, labels]
    return cluster_totals(effects + noise * rng.normal(size=effects.shape), labels)


def linearised_covariance(a: ClusterTotals, b: ClusterTotals) -> float:
    """Covariance of two means of item 0, from what each shared cluster adds to both."""
    added = []
    for totals in (a, b):
        deviations = totals.sums[0] - totals.n_prompts * totals.mean[0]
        added.append(dict(zip(totals.labels, deviations / totals.n_prompts.sum(), strict=True)))
    return float(sum(added[0][label] * added[1].get(label, 0.0) for label in added[0]))


def test_equal_clusters_give_the_textbook_standard_error() -> None:
    rng = np.random.default_rng(1)
    means = rng.normal(size=(5, 12))
    totals = cluster_totals(np.repeat(means, 4, axis=1), np.repeat(np.arange(12), 4))
    got = cluster_bootstrap(totals, rng, draws=20_000)
    np.testing.assert_allclose(got.mean, means.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(got.se, scipy.stats.sem(means, axis=1), rtol=0.03)


def test_prompts_of_one_cluster_are_not_evidence_twice() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(3, 15))
    once = cluster_bootstrap(cluster_totals(values, np.arange(15)), np.random.default_rng(0))
    copies = cluster_totals(np.repeat(values, 6, axis=1), np.repeat(np.arange(15), 6))
    np.testing.assert_allclose(
        cluster_bootstrap(copies, np.random.default_rng(0)), once, atol=1e-12
    )


def test_unequal_clusters_give_the_linearised_standard_error() -> None:
    rng = np.random.default_rng(3)
    totals = clustered(rng, items=1, n_clusters=80)
    expected = np.sqrt(linearised_covariance(totals, totals) * 80 / 79)
    assert cluster_bootstrap(totals, rng, draws=20_000).se[0] == pytest.approx(expected, rel=0.04)


def test_interval_is_the_t_interval_for_symmetric_values() -> None:
    values = scipy.stats.norm.ppf((np.arange(15) + 0.5) / 15)[None] + 3
    got = cluster_bootstrap(
        cluster_totals(values, np.arange(15)), np.random.default_rng(4), draws=50_000
    )
    expected = scipy.stats.t(14, loc=3, scale=scipy.stats.sem(values[0])).interval(0.95)
    np.testing.assert_allclose((got.low[0], got.high[0]), expected, atol=0.04)


def test_interval_agrees_with_scipy_at_the_expanded_level() -> None:
    rng = np.random.default_rng(5)
    values = rng.exponential(size=30)
    level = 1 - 2 * scipy.stats.norm.cdf(-np.sqrt(30 / 29) * scipy.stats.t(29).ppf(0.975))
    oracle = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, confidence_level=level, method="percentile", rng=rng
    ).confidence_interval
    got = cluster_bootstrap(cluster_totals(values[None], np.arange(30)), rng, draws=20_000)
    spread = oracle.high - oracle.low
    assert abs(got.low[0] - oracle.low) < 0.03 * spread
    assert abs(got.high[0] - oracle.high) < 0.03 * spread


@pytest.mark.parametrize(("n_clusters", "lowest"), [(10, 0.915), (20, 0.93), (60, 0.93)])
def test_coverage(n_clusters: int, lowest: float) -> None:
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(4):  # several draws of the cluster sizes
        got = cluster_bootstrap(clustered(rng, 1500, n_clusters), rng, draws=1500)
        covered.append(np.mean((got.low <= 0) & (got.high >= 0)))
    assert lowest <= np.mean(covered) <= 0.97


def test_too_few_clusters_give_a_mean_and_no_interval() -> None:
    rng = np.random.default_rng(7)
    few = cluster_bootstrap(clustered(rng, 4, MIN_CLUSTERS - 1), rng)
    assert np.isfinite(few.mean).all()
    assert np.isnan([few.se, few.low, few.high]).all()
    enough = cluster_bootstrap(clustered(rng, 4, MIN_CLUSTERS), rng)
    assert np.isfinite(enough).all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shift=st.floats(-5, 5),
    scale=st.floats(0.1, 10),
)
def test_moves_with_shift_scale_and_sign(seed: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(11), rng.integers(1, 4, size=11))
    values = rng.normal(size=(2, labels.size))
    plain = cluster_bootstrap(cluster_totals(values, labels), np.random.default_rng(0), 300)
    moved_totals = cluster_totals(shift - scale * values, labels)
    moved = cluster_bootstrap(moved_totals, np.random.default_rng(0), 300)
    np.testing.assert_allclose(moved.mean, shift - scale * plain.mean, atol=1e-9)
    np.testing.assert_allclose(moved.se, scale * plain.se, atol=1e-9)
    np.testing.assert_allclose(moved.low, shift - scale * plain.high, atol=1e-9)
    np.testing.assert_allclose(moved.high, shift - scale * plain.low, atol=1e-9)
    assert (plain.low <= plain.high).all()


def test_a_head_does_not_depend_on_the_heads_beside_it() -> None:
    totals = clustered(np.random.default_rng(8), 6, 20)
    alone = ClusterTotals(totals.labels, totals.sums[2:3], totals.n_prompts)
    together = cluster_bootstrap(totals, np.random.default_rng(9))
    by_itself = cluster_bootstrap(alone, np.random.default_rng(9))
    for whole, single in zip(together, by_itself, strict=True):
        np.testing.assert_allclose(whole[2:3], single, atol=1e-12)


def test_same_seed_same_numbers() -> None:
    totals = clustered(np.random.default_rng(10), 6, 20)
    first, again, other = (
        cluster_bootstrap(totals, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first.se != other.se).all()


def test_shared_clusters_move_together() -> None:
    rng = np.random.default_rng(11)
    base = rng.normal(size=30)
    a = cluster_totals(base[None], [f"pair{i}" for i in range(30)])
    # The second sample shares 20 of the 30 clusters and has 10 of its own.
    own = np.concatenate([base[10:] + 0.3 * rng.normal(size=20), rng.normal(size=10)])
    b = cluster_totals(own[None], [f"pair{i}" for i in range(10, 40)])
    draws_a, draws_b = bootstrap_draws([a, b], rng, draws=40_000)
    for left, right, left_draws, right_draws in (
        (a, a, draws_a, draws_a),
        (a, b, draws_a, draws_b),
        (b, b, draws_b, draws_b),
    ):
        drawn = np.cov(left_draws[:, 0], right_draws[:, 0])[0, 1]
        assert drawn == pytest.approx(linearised_covariance(left, right), rel=0.1)
    np.testing.assert_allclose(draws_a.mean(), a.mean[0], atol=0.01)


def test_equal_clusters_drawn_alike_and_disjoint_ones_independently() -> None:
    rng = np.random.default_rng(12)
    a = clustered(rng, 3, 25)
    twice = bootstrap_draws([a, ClusterTotals(a.labels, 2 * a.sums, a.n_prompts)], rng)
    np.testing.assert_allclose(twice[1], 2 * twice[0], atol=1e-12)
    elsewhere = ClusterTotals(tuple(f"x{label}" for label in a.labels), a.sums, a.n_prompts)
    apart = bootstrap_draws([a, elsewhere], rng, draws=10_000)
    assert abs(np.corrcoef(apart[0][:, 0], apart[1][:, 0])[0, 1]) < 0.05


def test_draws_of_one_sample_are_those_of_the_interval() -> None:
    totals = clustered(np.random.default_rng(13), 5, 40)
    (draws,) = bootstrap_draws([totals], np.random.default_rng(14))
    assert draws.shape == (2000, 5)
    se = cluster_bootstrap(totals, np.random.default_rng(14)).se
    np.testing.assert_allclose(se, draws.std(axis=0, ddof=1) * np.sqrt(40 / 39))


def test_sample_of_few_clusters_has_no_draws_and_spoils_no_other() -> None:
    rng = np.random.default_rng(15)
    few, many = clustered(rng, 2, 3), clustered(rng, 2, 40)
    few_draws, many_draws = bootstrap_draws([few, many], rng, draws=500)
    assert few_draws.shape == (500, 2)
    assert np.isnan(few_draws).all()
    assert np.isfinite(many_draws).all()


def test_small_sample_in_a_large_union_is_never_left_empty() -> None:
    rng = np.random.default_rng(16)
    small = cluster_totals(rng.normal(size=(1, 10)), [f"small{i}" for i in range(10)])
    large = cluster_totals(rng.normal(size=(1, 100)), [f"large{i}" for i in range(100)])
    # About one draw in 36,000 holds no cluster of the small sample before it is drawn again.
    for _ in range(3):
        assert np.isfinite(bootstrap_draws([small, large], rng, draws=50_000)[0]).all()


def test_too_few_draws_are_refused() -> None:
    totals = clustered(np.random.default_rng(17), 2, 12)
    with pytest.raises(ValueError, match="at least 2 draws"):
        cluster_bootstrap(totals, np.random.default_rng(0), draws=1)
    with pytest.raises(ValueError, match="at least 2 draws"):
        bootstrap_draws([totals], np.random.default_rng(0), draws=0)


def test_a_large_model_takes_about_a_second() -> None:
    rng = np.random.default_rng(18)
    values = rng.normal(size=(1200, 400)).astype(np.float32)
    start = time.perf_counter()
    cluster_bootstrap(cluster_totals(values, np.arange(400)), rng)
    assert time.perf_counter() - start < 5  # generous: machines are shared
