"""Matching finds a planted permutation of heads, and nothing where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from circuit_scaling.statistics.matching import match_profiles, matched_agreement

N, SCORES = 48, 6
LAYERS = np.repeat(np.arange(4), 12)


def profiles(rng: np.random.Generator, n: int = N) -> NDArray[np.float64]:
    """Scores of very different sizes."""
    return rng.normal(size=(n, SCORES)) * np.array([1, 1, 10, 0.01, 100, 1])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_a_planted_permutation_is_recovered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = profiles(rng)
    order = rng.permutation(N)
    target = base[order] + 0.02 * profiles(rng)
    found = match_profiles(base, target)
    assert found.base.tolist() == list(range(N))
    np.testing.assert_array_equal(order[found.target], np.arange(N))


def test_effects_of_planted_heads_agree() -> None:
    rng = np.random.default_rng(0)
    base = profiles(rng)
    order = rng.permutation(N)
    effects = rng.standard_t(2, N)
    found = match_profiles(base, base[order] + 0.1 * profiles(rng))
    right = (effects + 0.1 * rng.normal(size=N))[order]
    agreement = matched_agreement(
        effects[found.base], right[found.target], LAYERS[found.target], 999, rng
    )
    assert min(agreement.spearman, agreement.pearson) > 0.9
    assert agreement.p_spearman == agreement.p_pearson == 1 / 1000


def test_without_a_planted_permutation_small_p_are_rare() -> None:
    """Profiles say nothing of effects: P(p <= alpha) <= alpha."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(600):
        matches = match_profiles(profiles(rng, 24), profiles(rng, 30))
        left, right = rng.standard_t(2, 24), rng.standard_t(2, 30)
        found.append(
            matched_agreement(
                *(left[matches.base], right[matches.target]),
                *(np.arange(30)[matches.target] // 10, 99, rng),
            )
        )
    for name in ("p_spearman", "p_pearson"):
        p = np.array([getattr(agreement, name) for agreement in found])
        for alpha in (0.01, 0.05, 0.1, 0.5):
            assert np.mean(p <= alpha) <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / 600)
    assert abs(np.mean([agreement.spearman for agreement in found])) < 0.03


def test_what_only_the_layer_says_is_no_evidence() -> None:
    """Effects grow with the layer in both models, and profiles say the layer: p stays large."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(200):
        base, target = (LAYERS[:, None] + 0.1 * rng.normal(size=(N, SCORES)) for _ in range(2))
        matches = match_profiles(base, target)
        left, right = (3.0 * LAYERS + rng.normal(size=N) for _ in range(2))
        found.append(
            matched_agreement(
                *(left[matches.base], right[matches.target], LAYERS[matches.target], 199, rng)
            )
        )
    assert np.median([agreement.spearman for agreement in found]) > 0.7
    assert np.mean([agreement.p_spearman <= 0.05 for agreement in found]) < 0.1


@pytest.mark.parametrize(("n_base", "n_target"), [(10, 30), (30, 10)])
def test_of_unequal_models_the_smaller_is_matched_whole(n_base: int, n_target: int) -> None:
    rng = np.random.default_rng(3)
    larger = profiles(rng, 30)
    smaller = larger[rng.permutation(30)[:10]]
    sides = (smaller, larger) if n_base == 10 else (larger, smaller)
    found = match_profiles(*sides)
    assert len(found.base) == len(found.target) == 10
    np.testing.assert_array_equal(sides[0][found.base], sides[1][found.target])
    assert found.base.tolist() == sorted(found.base.tolist())


def test_the_matching_is_the_cheapest_by_standardised_distance() -> None:
    rng = np.random.default_rng(4)
    base, target = profiles(rng, 7), profiles(rng, 9)
    both = np.concatenate([base, target])
    scores = (both - both.mean(axis=0)) / both.std(axis=0)
    cost = ((scores[:7, None] - scores[None, 7:]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(match_profiles(base, target), linear_sum_assignment(cost))


def test_a_constant_score_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    base, target = profiles(rng, 8), profiles(rng, 8)
    wider = [np.column_stack([side, np.full(8, 3.0)]) for side in (base, target)]
    np.testing.assert_array_equal(match_profiles(*wider), match_profiles(base, target))


@pytest.mark.parametrize(
    ("base", "target", "words"),
    [
        (np.ones((3, 2)), np.ones((4, 2)), "no score differs"),
        (np.ones((3, 2)), np.ones((4, 3)), "equal scores"),
        (np.ones(3), np.ones(3), "equal scores"),
        (np.array([[1.0, np.nan]]), np.ones((1, 2)), "a profile is missing"),
    ],
)
def test_profiles_that_cannot_be_matched(
    base: NDArray[np.float64], target: NDArray[np.float64], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        match_profiles(base, target)


@pytest.mark.parametrize("effects", [[1.0, 1.0, 1.0], [2.0], []])
def test_constant_effects_and_single_heads_have_no_agreement(effects: list[float]) -> None:
    rng = np.random.default_rng(0)
    found = matched_agreement(effects, effects, np.zeros(len(effects)), 99, rng)
    assert np.isnan(found).all()


def test_one_head_a_band_leaves_nothing_to_exchange() -> None:
    effects = np.arange(5.0)
    found = matched_agreement(effects, effects, np.arange(5), 99, np.random.default_rng(0))
    assert found.spearman == pytest.approx(1)
    assert (found.p_spearman, found.p_pearson) == (1, 1)
