"""The share of the strongest heads, in closed form, by a plain loop and over simulated samples."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.concentration import share_of_strongest


def _totals(means, n_clusters=12, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    values = np.asarray(means)[:, None] + noise * rng.standard_normal((len(means), n_clusters))
    return cluster_totals(values, np.arange(n_clusters))


def test_equal_heads_share_equally_and_the_sign_does_not_count():
    assert share_of_strongest(_totals([1.0, -1.0, 1.0, -1.0]), 1).share == pytest.approx(0.25)
    assert share_of_strongest(_totals([-6.0, 1.0, 1.0, 2.0]), 2).share == pytest.approx(0.8)
    assert share_of_strongest(_totals([3.0, 0.0]), 1) == pytest.approx((1.0, 1.0, 1.0))


def test_without_any_effect_there_is_no_share():
    assert np.isnan(share_of_strongest(_totals([0.0, 0.0]), 1).share)


def test_the_interval_is_that_of_leaving_one_cluster_out():
    totals = _totals([2.0, -1.0, 0.5, 0.2, 0.1], noise=0.3)
    found = share_of_strongest(totals, 2)
    left = []
    for out in range(12):
        kept = [i for i in range(12) if i != out]
        size = sorted(np.abs(totals.sums[:, kept].mean(axis=1)))
        left.append(sum(size[-2:]) / sum(size))
    half = scipy.stats.t.ppf(0.975, 11) * np.sqrt(11 * np.var(left))
    assert found.low == pytest.approx(found.share - half)
    assert found.high == pytest.approx(found.share + half)


def test_few_clusters_have_no_interval():
    found = share_of_strongest(_totals([2.0, 1.0], n_clusters=9, noise=0.1), 1)
    assert found.share > 0.5
    assert np.isnan([found.low, found.high]).all()


def test_no_more_heads_than_there_are():
    with pytest.raises(ValueError, match="the 3 strongest of 2 heads"):
        share_of_strongest(_totals([1.0, 2.0]), 3)


def test_intervals_hold_the_true_share_where_heads_stand_out_of_the_noise():
    means = [3.0, -2.0, 1.0, 1.0, -1.0, 0.8]
    true = share_of_strongest(_totals(means), 2).share
    found = [share_of_strongest(_totals(means, 20, 1.0, seed), 2) for seed in range(400)]
    held = np.mean([share.low <= true <= share.high for share in found])
    assert held == pytest.approx(0.95, abs=0.04)
