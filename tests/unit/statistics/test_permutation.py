"""Permuting heads within layers: exact where it can be enumerated, super-uniform under the null."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from circuit_scaling.statistics.permutation import permutation_p


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_is_the_share_of_permutations_at_least_as_far_from_their_mean() -> None:
    x, y = rng(1).normal(size=(2, 5))
    y += x
    sums = np.array([x @ y[list(order)] for order in itertools.permutations(range(5))])
    far = np.abs(sums - sums.mean()) >= abs(x @ y - sums.mean()) - 1e-12
    got = permutation_p(np.outer(x, y), np.zeros(5), rng(), 20000)
    assert got == pytest.approx(far.mean(), abs=0.01)


def test_heads_stay_in_their_layers() -> None:
    # Within each layer the tasks do not go together; the layers themselves do.
    x = np.array([0.0, 1, 0, 1, 10, 11, 10, 11])
    y = np.array([0.0, 0, 1, 1, 10, 10, 11, 11])
    layers = np.repeat([0, 1], 4)
    assert permutation_p(np.outer(x, y), layers, rng(), 999) == 1.0
    assert permutation_p(np.outer(x, y), np.zeros(8), rng(), 999) < 0.05


def test_one_head_per_layer_cannot_be_tested() -> None:
    assert permutation_p(np.outer([1, 2, 3], [1, 2, 3]), [0, 1, 2], rng(), 99) == 1.0


def test_a_perfect_association_has_the_smallest_p() -> None:
    x = rng(2).normal(size=30)
    assert permutation_p(np.outer(x, x), np.zeros(30), rng(), 999) == 1 / 1000
    assert permutation_p(np.outer(x, -x), np.zeros(30), rng(), 999) == 1 / 1000


def test_p_is_super_uniform_under_the_null() -> None:
    """Heavy tails, layers of different means and sizes, and discrete values do not matter."""
    draw = rng(3)
    layers = np.repeat([0, 1, 2], [12, 12, 24])
    ps = []
    for index in range(400):
        x, y = draw.standard_t(2, (2, 48)) + layers
        if index % 2:
            x, y = np.round(x), np.round(y)
        ps.append(permutation_p(np.outer(x - x.mean(), y - y.mean()), layers, draw, 199))
    for level in (0.01, 0.05, 0.1, 0.25, 0.5):
        below = int(np.sum(np.array(ps) <= level))
        assert scipy.stats.binom.sf(below - 1, len(ps), level) > 0.001, level


def test_missing_products_have_no_p() -> None:
    assert np.isnan(permutation_p(np.full((3, 3), np.nan), np.zeros(3), rng(), 9))


@pytest.mark.parametrize(
    ("shape", "layers", "permutations", "words"),
    [
        ((3, 2), 3, 9, "do not fit"),
        ((3, 3), 2, 9, "do not fit"),
        ((0, 0), 0, 9, "do not fit"),
        ((3, 3), 3, 0, "at least 1 permutation"),
    ],
)
def test_bad_input_is_named(
    shape: tuple[int, int], layers: int, permutations: int, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        permutation_p(np.zeros(shape), np.zeros(layers), rng(), permutations)
