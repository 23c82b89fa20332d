"""Split-half reliability against its definition, and the ceiling that it sets."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from circuit_scaling.statistics.clusters import ClusterTotals
from circuit_scaling.statistics.reliability import correlation_ceiling, split_half_reliability
from tests.helpers.simulated_heads import Design, simulate


def totals(effects: np.ndarray, sizes: np.ndarray) -> ClusterTotals:
    labels = tuple(f"c{c}" for c in range(effects.shape[1]))
    return ClusterTotals(labels, effects * sizes, sizes)


def test_is_the_mean_correlation_of_halves_stepped_up() -> None:
    effects = np.random.default_rng(0).normal(size=(12, 6)) + np.arange(12)[:, None] / 4
    sizes = np.array([1.0, 2, 1, 3, 1, 2])
    every = []
    for half in itertools.combinations(range(6), 3):
        rest = [c for c in range(6) if c not in half]
        means = [np.average(effects[:, c], axis=1, weights=sizes[list(c)]) for c in (half, rest)]
        every.append(np.corrcoef(means)[0, 1])
    r = np.mean(every)
    got = split_half_reliability(totals(effects, sizes), np.random.default_rng(1), 20000)
    assert got == pytest.approx(2 * r / (1 + r), abs=2e-3)


@pytest.mark.parametrize("reliability", [0.9, 0.5])
def test_planted_reliability(reliability: float) -> None:
    design = Design(rho=0.0, heads=2000, clusters=20, reliability=reliability)
    for task in simulate(design, np.random.default_rng(2))[:2]:
        got = split_half_reliability(task, np.random.default_rng(3))
        assert got == pytest.approx(reliability, abs=0.04)


def test_effects_that_repeat_exactly() -> None:
    effects = np.tile(np.arange(5.0)[:, None], 5)
    assert split_half_reliability(totals(effects, np.ones(5)), np.random.default_rng()) == 1.0


@pytest.mark.parametrize(
    "effects",
    [
        np.random.default_rng(4).normal(size=(5, 3)),  # too few clusters for halves
        np.ones((5, 8)),  # nothing varies over heads
        np.ones((1, 8)),  # one head
    ],
)
def test_not_defined_is_nan(effects: np.ndarray) -> None:
    sizes = np.ones(effects.shape[1])
    assert np.isnan(split_half_reliability(totals(effects, sizes), np.random.default_rng(5)))


def test_effects_that_do_not_repeat_have_no_reliability() -> None:
    opposite = np.tile([[1.0, -1.0]], (6, 3)) * np.arange(6)[:, None]
    assert split_half_reliability(totals(opposite, np.ones(6)), np.random.default_rng(5)) == 0
    noise = np.random.default_rng(6).normal(size=(20, 40, 12))
    rng = np.random.default_rng(7)
    found = [split_half_reliability(totals(effects, np.ones(12)), rng) for effects in noise]
    assert 0 == min(found) <= max(found) < 0.7


def test_ceiling() -> None:
    assert correlation_ceiling(0.81, 0.64) == pytest.approx(0.72)
    assert correlation_ceiling(0.81, 0.0) == 0
    assert np.isnan(correlation_ceiling(np.nan, 0.9))
