"""Permuting heads within layers: exact where it can be enumerated, super-uniform under the null."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from numpy.typing import NDArray

from circuit_scaling.statistics.permutation import permutation_p


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def p_of(
    x: NDArray, y: NDArray, layers: npt.ArrayLike, draw: np.random.Generator, n: int = 999
) -> float:
    """p of effects without noise, whose products are what they are."""
    return permutation_p(np.outer(x - x.mean(), y - y.mean()), (x, y), layers, draw, n)


def test_is_the_share_of_permutations_at_least_as_far_from_their_mean() -> None:
    x, y = rng(1).normal(size=(2, 5))
    y += x
    scores = []
    for order in itertools.permutations(range(5)):
        products = (x - np.median(x)) * (y - np.median(y))[list(order)]
        away = (x - x.mean()) @ (y - y.mean())[list(order)]
        scores.append(abs(away) / np.sqrt((products**2).sum()))
    far = np.array(scores) >= scores[0] - 1e-12
    assert p_of(x, y, np.zeros(5), rng(), 20000) == pytest.approx(far.mean(), abs=0.01)


def test_heads_stay_in_their_layers() -> None:
    # Within each layer the tasks do not go together; the layers themselves do.
    x = np.array([0.0, 1, 0, 1, 10, 11, 10, 11])
    y = np.array([0.0, 0, 1, 1, 10, 10, 11, 11])
    layers = np.repeat([0, 1], 4)
    assert p_of(x, y, layers, rng()) == 1.0
    assert p_of(x, y, np.zeros(8), rng()) < 0.05


def test_one_head_per_layer_cannot_be_tested() -> None:
    x = np.array([1.0, 2, 3])
    assert p_of(x, x, [0, 1, 2], rng(), 99) == 1.0


def test_a_perfect_association_has_the_smallest_p() -> None:
    x = rng(2).normal(size=30)
    assert p_of(x, x, np.zeros(30), rng()) == 1 / 1000
    assert p_of(x, -x, np.zeros(30), rng()) == 1 / 1000


def test_p_is_super_uniform_under_the_null() -> None:
    """Heavy tails, layers of different means and sizes, and discrete values do not matter."""
    draw = rng(3)
    layers = np.repeat([0, 1, 2], [12, 12, 24])
    ps = []
    for index in range(400):
        x, y = draw.standard_t(2, (2, 48)) + layers
        if index % 2:
            x, y = np.round(x), np.round(y)
        ps.append(p_of(x, y, layers, draw, 199))
    for level in (0.01, 0.05, 0.1, 0.25, 0.5):
        below = int(np.sum(np.array(ps) <= level))
        assert scipy.stats.binom.sf(below - 1, len(ps), level) > 0.001, level


@pytest.mark.parametrize("n_dominating", [2, 3])
def test_heads_that_dominate_both_tasks_are_no_correlation(n_dominating: int) -> None:
    """Not rejected in more than 1 of 20 cases; a test of independence rejects in 4 of 10."""
    draw = rng(4)
    layers = np.repeat(np.arange(4), 12)
    ps = []
    for _ in range(200):
        x, y = 0.1 * draw.normal(size=(2, 48))
        heads = draw.choice(48, n_dominating, replace=False)
        x[heads], y[heads] = 5 * draw.normal(size=(2, n_dominating))
        ps.append(p_of(x, y, layers, draw, 199))
    assert np.mean(np.array(ps) <= 0.05) <= 0.09


def test_finds_a_correlation_nearly_as_often_as_pearsons_test_within_layers() -> None:
    draw = rng(5)
    ps, pearson = [], []
    for _ in range(200):
        x, own = draw.normal(size=(2, 72))
        y = 0.35 * x + own
        ps.append(p_of(x, y, np.repeat(np.arange(6), 12), draw, 199))
        within = [one.reshape(6, 12) - one.reshape(6, 12).mean(1, keepdims=True) for one in (x, y)]
        r = np.corrcoef(*map(np.ravel, within))[0, 1]
        t = r * np.sqrt((72 - 6 - 1) / (1 - r**2))
        pearson.append(2 * scipy.stats.t(72 - 6 - 1).sf(abs(t)))
    power, most = (np.mean(np.array(found) <= 0.05) for found in (ps, pearson))
    assert power >= most - 0.1


def test_missing_products_have_no_p() -> None:
    x = np.zeros(3)
    assert np.isnan(permutation_p(np.full((3, 3), np.nan), (x, x), x, rng(), 9))


@pytest.mark.parametrize(
    ("shape", "heads", "layers", "permutations", "words"),
    [
        ((3, 2), 3, 3, 9, "do not fit"),
        ((3, 3), 3, 2, 9, "do not fit"),
        ((3, 3), 2, 3, 9, "do not fit"),
        ((0, 0), 0, 0, 9, "do not fit"),
        ((3, 3), 3, 3, 0, "at least 1 permutation"),
    ],
)
def test_bad_input_is_named(
    shape: tuple[int, int], heads: int, layers: int, permutations: int, words: str
) -> None:
    effects = np.zeros(heads), np.zeros(heads)
    with pytest.raises(ValueError, match=words):
        permutation_p(np.zeros(shape), effects, np.zeros(layers), rng(), permutations)
