"""Bootstrap draws over clusters: their spread, and clusters that samples share."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.statistics.bootstrap import bootstrap_draws
from circuit_scaling.statistics.clusters import ClusterTotals, cluster_totals
from circuit_scaling.statistics.means import cluster_means


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


def test_draws_scatter_as_the_linearised_standard_error() -> None:
    totals = clustered(np.random.default_rng(13), 5, 40)
    (draws,) = bootstrap_draws([totals], np.random.default_rng(14), draws=20_000)
    assert draws.shape == (20_000, 5)
    expected = cluster_means(totals).se * np.sqrt(39 / 40)
    np.testing.assert_allclose(draws.std(axis=0, ddof=1), expected, rtol=0.05)


def test_same_seed_same_draws() -> None:
    totals = clustered(np.random.default_rng(10), 6, 20)
    first, again, other = (
        bootstrap_draws([totals], np.random.default_rng(seed))[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


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
        bootstrap_draws([totals], np.random.default_rng(0), draws=0)
