"""Likeness of profiles: an oracle in loops, planted likeness, and a null that is enumerated."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from circuit_scaling.statistics.similarity import cosines, group_similarity


def test_cosines_are_those_of_profiles_standardised_within_groups() -> None:
    rng = np.random.default_rng(0)
    values, groups = rng.normal(size=(7, 4)), np.array([0, 0, 0, 1, 1, 1, 1])
    values[groups == 1] = 40 + 9 * values[groups == 1]  # offset and scale of a group say nothing
    found = cosines(np.column_stack([values, np.full(7, np.nan)]), groups)
    z = np.array(
        [
            [
                (values[i, f] - values[groups == groups[i], f].mean())
                / values[groups == groups[i], f].std()
                for f in range(4)
            ]
            for i in range(7)
        ]
    )
    for i in range(7):
        for j in range(7):
            expected = z[i] @ z[j] / np.linalg.norm(z[i]) / np.linalg.norm(z[j])
            assert found[i, j] == pytest.approx(expected)


def test_nothing_known_is_refused() -> None:
    with pytest.raises(ValueError, match="no feature"):
        cosines(np.full((3, 2), np.nan), [0, 0, 0])


def test_the_null_is_that_of_all_items_of_the_strata() -> None:
    rng = np.random.default_rng(1)
    similar = rng.normal(size=(8, 8))
    similar = similar + similar.T
    chosen, stratum = [0, 1], range(6)  # 6 and 7 are of another stratum
    found = group_similarity(similar, chosen, [0] * 6 + [1] * 2, np.ones((2, 2)), rng, 4000)
    every = np.array([similar[a, b] for a, b in permutations(stratum, 2)])
    assert found.n_pairs == 1
    assert found.value == pytest.approx(similar[0, 1])
    assert found.expected == pytest.approx(every.mean(), abs=0.05)
    assert found.p == pytest.approx((every >= similar[0, 1]).mean(), abs=0.03)


def test_p_has_its_level_where_items_are_chosen_at_random() -> None:
    rng = np.random.default_rng(3)
    strata = np.repeat(np.arange(6), 8)  # two groups of three strata
    counted = np.zeros((12, 12), dtype=bool)
    counted[:6, 6:] = True
    p = []
    for _ in range(400):
        similar = cosines(rng.normal(size=(48, 5)), strata // 3)
        chosen = np.concatenate([rng.choice(8, 2, replace=False) + 8 * s for s in range(6)])
        p.append(group_similarity(similar, chosen, strata, counted, rng, 99).p)
    # 3 standard errors of 400 trials.
    for level in (0.05, 0.1, 0.25):
        assert np.mean(np.array(p) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 400)


def test_planted_likeness_is_found_and_p_has_its_floor() -> None:
    profiles = np.random.default_rng(2).normal(size=(40, 6))
    profiles[[0, 20]] = 3 * np.arange(6)
    similar = cosines(profiles, np.zeros(40))
    found = group_similarity(
        similar, [0, 20], np.arange(40) // 20, np.ones((2, 2)), np.random.default_rng(0), 999
    )
    assert found.p <= 0.01
    assert found.value > found.null_high


def test_no_pairs_are_missing_not_zero() -> None:
    none = group_similarity(
        np.eye(3), [0, 1], [0, 0, 0], np.zeros((2, 2)), np.random.default_rng(0), 99
    )
    assert none.n_pairs == 0
    assert np.isnan([none.value, none.p]).all()
