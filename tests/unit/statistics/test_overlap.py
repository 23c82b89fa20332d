"""Overlaps by chance against every pair of sets there is, and Gini against its definition."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from circuit_scaling.statistics.overlap import gini, jaccard, random_jaccard


@pytest.mark.parametrize(("first", "second", "n"), [(3, 3, 8), (2, 5, 7), (4, 6, 6), (0, 3, 5)])
def test_chance_is_that_of_all_pairs_of_sets(first: int, second: int, n: int) -> None:
    """The expectation, spread and range, of every two sets of these sizes."""
    sides = [list(combinations(range(n), size)) for size in (first, second)]
    overlaps = [len(set(a) & set(b)) / len(set(a) | set(b)) for a, b in product(*sides)]
    found = random_jaccard(first, second, n)
    assert found.expected == pytest.approx(np.mean(overlaps), abs=1e-12)
    assert found.sd == pytest.approx(np.std(overlaps), abs=1e-12)
    assert np.mean(np.array(overlaps) < found.low - 1e-9) <= 0.025
    assert np.mean(np.array(overlaps) > found.high + 1e-9) <= 0.025
    within = [found.low - 1e-9 <= overlap <= found.high + 1e-9 for overlap in overlaps]
    assert np.mean(within) >= 0.95
    for end in (found.low, found.high):
        assert np.abs(np.array(overlaps) - end).min() < 1e-12


def test_chance_of_the_study() -> None:
    """What the study's reference says: 50 of 1,024 heads, and unions of 247 and 243."""
    assert random_jaccard(50, 50, 1024).expected == pytest.approx(0.025, abs=5e-4)
    unions = random_jaccard(247, 243, 1024)
    assert unions.expected == pytest.approx(0.136, abs=5e-4)
    rng = np.random.default_rng(0)
    drawn = np.array([rng.permutation(1024) < 247 for _ in range(400)])
    fixed = np.arange(1024) < 243
    overlaps = jaccard(drawn, fixed)
    assert unions.sd == pytest.approx(overlaps.std(), rel=0.12)
    assert np.mean((overlaps >= unions.low) & (overlaps <= unions.high)) > 0.92


def test_gini_is_the_mean_difference_over_twice_the_mean() -> None:
    """Of all pairs, one by one; with negative scores as 0."""
    scores = [0.4, -0.3, 0.0, 2.5, 0.4]
    kept = [max(score, 0.0) for score in scores]
    difference = sum(abs(a - b) for a in kept for b in kept) / len(kept) ** 2
    expected = difference / (2 * sum(kept) / len(kept))
    found = gini([scores, [1.0] * 5, [0, 0, 7, 0, 0], [0.0] * 5, [1, 1, 1, 1, np.nan]])
    np.testing.assert_allclose(found, [expected, 0, 0.8, np.nan, np.nan], atol=1e-12)


def test_overlap_of_nothing_is_no_number() -> None:
    """Two empty sets have no overlap; sets larger than the whole are a mistake."""
    empty = np.zeros((1, 4), dtype=bool)
    assert np.isnan(jaccard(empty, empty)).all()
    assert np.isnan(random_jaccard(0, 0, 4).expected)
    with pytest.raises(ValueError, match="5 and 1 of 4"):
        random_jaccard(5, 1, 4)
