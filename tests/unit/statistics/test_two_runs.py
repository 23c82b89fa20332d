"""Two runs: nothing is called moved that only drew other prompts, and what moved is found."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.statistics.categories import categorise
from circuit_scaling.statistics.means import ClusterMeans
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.statistics.two_runs import (
    chance_of_another_category,
    independent_differences,
    paired_differences,
)

HEADS, CLUSTERS, STUDIES = 96, 20, 200
MOVED, BY = 5, 0.5
SPREAD, NOISE = 0.3, 0.1  # of clusters, which paired runs share, and of prompts
TAU = 0.05


def two(
    rng: np.random.Generator, paired: bool, moved: bool, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Effects [heads, clusters] of two runs of the same heads, with noise of this scale."""
    truth = rng.exponential(0.1, HEADS)[:, None]
    of_clusters = [scale * SPREAD * rng.standard_normal((HEADS, CLUSTERS)) for _ in range(2)]
    runs = [
        truth
        + of_clusters[0 if paired else i]
        + scale * NOISE * rng.standard_normal((HEADS, CLUSTERS))
        for i in range(2)
    ]
    if moved:
        runs[1][:MOVED] += BY
    return runs[0], runs[1]


def differences(a: np.ndarray, b: np.ndarray, paired: bool) -> ClusterMeans:
    if paired:
        return paired_differences(a, b, np.full(CLUSTERS, 4), np.full(CLUSTERS, 4))
    errors = [run.std(axis=1, ddof=1) / np.sqrt(CLUSTERS) for run in (a, b)]
    return independent_differences(a.mean(axis=1), b.mean(axis=1), *errors, CLUSTERS)


@pytest.mark.parametrize("paired", [True, False])
def test_runs_that_drew_other_prompts_alone(paired: bool) -> None:
    """Intervals hold 0 as often as they say, and few studies in a hundred call any head moved."""
    rng = np.random.default_rng(1)
    found = [differences(*two(rng, paired, moved=False), paired) for _ in range(STUDIES)]
    missed = np.mean([(one.low > 0) | (one.high < 0) for one in found])
    any_called = np.mean([(q_values(one.p) < 0.05).any() for one in found])
    assert 0.03 < missed < 0.055
    assert any_called < 0.08


@pytest.mark.parametrize(("paired", "found_at_least"), [(True, 0.99), (False, 0.9)])
def test_heads_that_moved_are_found(paired: bool, found_at_least: float) -> None:
    rng = np.random.default_rng(2)
    q = [q_values(differences(*two(rng, paired, moved=True), paired).p) for _ in range(30)]
    assert np.mean([values[:MOVED] < 0.05 for values in q]) > found_at_least


def test_a_cluster_is_its_own_control() -> None:
    """Over the same clusters an interval is narrower than that of runs that share nothing."""
    a, b = two(np.random.default_rng(3), paired=True, moved=False)
    assert (differences(a, b, True).se < 0.6 * differences(a, b, False).se).mean() > 0.95


@pytest.mark.parametrize("paired", [True, False])
def test_a_run_beside_itself_has_moved_nowhere(paired: bool) -> None:
    a, _ = two(np.random.default_rng(4), paired, moved=False)
    found = differences(a, a, paired)
    assert (found.mean == 0).all()
    assert (found.p == 1).all()


def test_missing_errors_stay_missing() -> None:
    found = independent_differences([1.0, 1.0], [2.0, 2.0], [0.1, np.nan], [0.1, 0.1], 30)
    assert np.isnan(found.p).tolist() == [False, True]
    assert np.isnan(found.low).tolist() == [False, True]
    few = independent_differences([1.0], [2.0], [0.1], [0.1], 9)
    assert few.mean[0] == 1
    assert np.isnan([few.se, few.low, few.high, few.p]).all()


@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_as_many_categories_change_by_noise_as_are_said_to(scale: float) -> None:
    """Where noise is larger than tau, and where it is a quarter of it."""
    rng = np.random.default_rng(5)
    changed, expected = [], []
    for _ in range(STUDIES):
        tasks = [two(rng, paired=False, moved=False, scale=scale) for _ in range(2)]
        means = np.array([[run.mean(axis=1) for run in task] for task in tasks])
        a, b = (categorise(*means[:, run], TAU) for run in range(2))
        se = np.array([differences(*task, False).se for task in tasks])
        changed.append((a != b).sum())
        expected.append(chance_of_another_category(means.mean(axis=1), se, TAU).sum())
    assert np.mean(expected) == pytest.approx(np.mean(changed), rel=0.1)


def test_without_noise_no_category_changes() -> None:
    means = [[0.2, 0.05, 0.01], [0.0, 0.2, 0.3]]
    assert (chance_of_another_category(means, np.zeros((2, 3)), TAU) == 0).all()
    assert np.isnan(chance_of_another_category(means, np.full((2, 3), np.nan), TAU)).all()
