"""Looks at a growing sample: published constants, an integral by scipy, simulated walks."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.statistics.looks import nominal_level, overall_p

# Jennison and Turnbull 2000, "Group sequential methods", table 2.1: C_P(K, alpha = 0.05).
POCOCK = {1: 1.960, 2: 2.178, 5: 2.413, 10: 2.555}


@pytest.mark.parametrize(("looks", "constant"), POCOCK.items())
def test_equal_batches_have_pococks_constants(looks: int, constant: float) -> None:
    level = nominal_level(0.05, tuple(range(1, looks + 1)))
    assert scipy.stats.norm.isf(level / 2) == pytest.approx(constant, abs=6e-4)


def test_the_integral_is_that_of_the_normal_distribution() -> None:
    sizes = np.array([16, 40, 100])
    correlation = np.sqrt(np.minimum.outer(sizes, sizes) / np.maximum.outer(sizes, sizes))
    bound = scipy.stats.norm.isf(0.01)
    inside = scipy.stats.multivariate_normal(cov=correlation).cdf(
        np.full(3, bound), lower_limit=np.full(3, -bound), rng=0
    )
    assert overall_p(0.02, tuple(sizes.tolist())) == pytest.approx(1 - inside, abs=2e-5)


def test_walks_cross_as_often_as_said() -> None:
    sizes = (16, 32, 64, 200)
    walk = np.random.default_rng(0).standard_normal((100_000, 200)).cumsum(axis=1)
    at = np.array(sizes) - 1
    p = 2 * scipy.stats.norm.sf(np.abs(walk[:, at] / np.sqrt(sizes)))
    level = nominal_level(0.1, sizes)
    assert (p <= level).any(axis=1).mean() == pytest.approx(0.1, abs=0.003)


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=8),
    st.floats(1e-12, 0.3),
)
@settings(max_examples=50, deadline=None)
def test_between_one_look_and_bonferroni(steps: list[int], smallest: float) -> None:
    sizes = tuple(np.cumsum(steps).tolist())
    p = overall_p(smallest, sizes)
    assert smallest * (1 - 1e-9) <= p <= len(sizes) * smallest * (1 + 1e-6)
    if len(sizes) > 1:
        assert p <= overall_p(smallest * 1.1, sizes)
        assert overall_p(nominal_level(smallest, sizes), sizes) == pytest.approx(smallest)


@pytest.mark.parametrize("sizes", [(), (0, 3), (3, 3), (5, 4)])
def test_a_sample_that_does_not_grow_is_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must grow"):
        overall_p(0.05, sizes)


def test_no_level_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha"):
        nominal_level(0.0, (1, 2))


def test_the_smallest_p_that_there_is_stays_a_p() -> None:
    assert 0 <= overall_p(float(np.nextafter(0, 1)), (64, 128)) < 1e-300
