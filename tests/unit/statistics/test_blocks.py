"""Rankings at several lengths: smooth decay is no break, and a break is told from noise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from circuit_scaling.statistics.blocks import blocks, rank_correlations

UNKNOWN = [np.nan] * 6


def smooth(lengths: tuple[int, ...], rate: float, reliability: float) -> NDArray[np.float64]:
    """Correlations that fall with the ratio of two lengths, and are 1 of a length with itself."""
    r = [
        [1.0 if a == b else reliability * min(a / b, b / a) ** rate for b in lengths]
        for a in lengths
    ]
    return np.array(r)


def test_the_published_pattern_is_two_groups() -> None:
    r = np.array(
        [[1, 0.99, 0.05, -0.13], [0.99, 1, 0.2, 0], [0.05, 0.2, 1, 0.95], [-0.13, 0, 0.95, 1]]
    )
    found = blocks(r, [2048, 4096, 6144, 8192], UNKNOWN[:4])
    assert found is not None
    assert found.first.tolist() == [True, True, False, False]
    assert found.within == 0.95
    assert found.across == pytest.approx((0.05 - 0.13 + 0.2 + 0) / 4)


@pytest.mark.parametrize("lengths", [(96, 128, 256), (100, 200, 400, 800, 1600), (99, 101, 9000)])
@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("reliability", [0.3, 0.6, 1.0])
def test_a_smooth_decay_passes_however_steep(
    lengths: tuple[int, ...], rate: float, reliability: float
) -> None:
    assert blocks(smooth(lengths, rate, reliability), lengths, UNKNOWN[: len(lengths)]) is None


def test_a_break_need_not_be_at_the_longest() -> None:
    for odd in range(4):
        r = smooth((100, 150, 200, 300), 0.2, 0.9)
        r[odd, :] = r[:, odd] = 0.1
        r[odd, odd] = 1
        found = blocks(r, [100, 150, 200, 300], UNKNOWN[:4])
        assert found is not None
        alone = found.first if found.first.sum() == 1 else ~found.first
        assert np.flatnonzero(alone).tolist() == [odd]


def test_two_lengths_fall_apart_only_beside_rankings_that_repeat_themselves() -> None:
    def of_two(across: float, repeated: float, longer: int = 200) -> bool:
        r = np.array([[1, across], [across, 1]])
        return blocks(r, [100, longer], [repeated, 0.9]) is not None

    assert of_two(0.0, 0.8)
    assert not of_two(0.2, 0.8)
    assert not of_two(0.0, 0.4)
    assert not of_two(0.0, np.nan)
    assert not of_two(0.0, 0.8, longer=1000)  # so far apart, anything may be
    assert blocks([[1.0]], [100], [0.9]) is None


def test_rank_correlations_are_those_of_all_items_with_the_unlisted_tied_behind() -> None:
    values = np.array([[3.0, 1.0], [2.0, np.nan], [np.nan, 2.0]])

    def slow(a: list[float], b: list[float]) -> float:
        """Pearson correlation of average ranks, by counting."""
        sides = []
        for side in (a, b):
            ranks = [sum(x < y for x in side) + sum(x == y for x in side) / 2 for y in side]
            mean = sum(ranks) / len(ranks)
            sides.append([rank - mean for rank in ranks])
        one, other = sides
        size = (sum(x * x for x in one) * sum(x * x for x in other)) ** 0.5
        return sum(x * y for x, y in zip(one, other, strict=True)) / size

    r = rank_correlations(values, 5)
    assert r[0, 1] == pytest.approx(slow([3, 2, 0, 0, 0], [1, 0, 2, 0, 0]))
    assert np.isnan(rank_correlations(np.ones((4, 2)), 4)).all()


def test_in_simulations_healthy_rankings_pass_and_broken_ones_are_told() -> None:
    """Rankings of 64 heads by two questions; from the break on, by other scores."""
    rng = np.random.default_rng(0)
    lengths = np.array([128.0, 256, 512, 1024])
    decay = np.exp(-0.2 * np.abs(np.log(lengths)[:, None] - np.log(lengths)))
    root = np.linalg.cholesky(decay)

    def told(broken: list[int]) -> bool:
        own, other = (rng.normal(size=(2, 64, 4)) @ root.T for _ in range(2))
        shared = rng.normal(size=(64, 4)) @ root.T
        unlike = rng.normal(size=(64, 4)) @ root.T
        scores = 0.5 * own + shared
        scores[..., broken] = (0.5 * other + unlike)[..., broken]
        scores += 0.35 * rng.normal(size=scores.shape)
        r = rank_correlations(scores.transpose(1, 0, 2).reshape(64, 8), 64)
        mean = (r[:4, :4] + r[4:, 4:]) / 2
        return blocks(mean, lengths, np.diag(r[:4, 4:])) is not None

    assert sum(told([]) for _ in range(60)) <= 1
    for broken in ([2, 3], [1, 2, 3], [3]):
        assert sum(told(broken) for _ in range(30)) >= 24, broken
