"""Sign-flip test and false discovery control: by hand, against scipy, under the null."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from circuit_scaling.statistics import significance
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.significance import q_values, sign_flip_p


def p_of(values: object, seed: int = 0, flips: int = 9999) -> np.ndarray:
    table = np.atleast_2d(np.asarray(values, dtype=float))
    totals = cluster_totals(table, np.arange(table.shape[1]))
    return sign_flip_p(totals, np.random.default_rng(seed), flips)


def test_exact_p_by_hand() -> None:
    # Of the 8 flips of 1, 2, 3 only all + and all - reach 6.
    np.testing.assert_array_equal(p_of([1, 2, 3]), [2 / 8])
    # Of the 16 flips of 1, 1, 1, -1 all reach 2 but the 6 with two of each sign.
    np.testing.assert_array_equal(p_of([1, 1, 1, -1]), [10 / 16])
    np.testing.assert_array_equal(p_of([[0, 0, 0], [5, 5, 5], [-5, -5, -5]]), [1, 0.25, 0.25])
    np.testing.assert_array_equal(p_of([4.0]), [1])


@pytest.mark.parametrize("n_clusters", [5, 9, 13])
def test_exact_p_agrees_with_scipy(n_clusters: int) -> None:
    values = np.random.default_rng(n_clusters).normal(0.4, 1, size=(4, n_clusters))
    expected = [
        scipy.stats.permutation_test(
            (row,), np.mean, permutation_type="samples", n_resamples=np.inf
        ).pvalue
        for row in values
    ]
    np.testing.assert_allclose(p_of(values), expected, atol=1e-12)


def test_random_flips_come_near_the_exact_p() -> None:
    # Fourteen of one sign against two: an uneven coin would show. One flip fewer is random.
    values = np.vstack([np.repeat([1, -1], [14, 2]), np.random.default_rng(1).normal(0.3, 1, 16)])
    exact, drawn = p_of(values, flips=2**16 - 1), p_of(values, flips=2**16 - 2)
    assert exact[0] == pytest.approx(2 * scipy.stats.binom(16, 0.5).cdf(2))
    assert (exact != drawn).all()
    assert (np.abs(drawn - exact) < 4 * np.sqrt(exact * (1 - exact) / 2**16)).all()


def test_random_p_is_counted_with_the_observed_one() -> None:
    p = p_of(np.vstack([np.ones(40), np.tile([1, -1], 20)]), flips=499)
    np.testing.assert_array_equal(p, [1 / 500, 1])


def test_a_prompt_counts_as_a_prompt_and_a_cluster_flips_as_one() -> None:
    # Totals 3, 2, -2 sum to 3, which 6 of 8 flips reach. Means of clusters taken as equals (1, 2,
    # -2) would give p = 1, and prompts flipped one by one 18 of 32.
    totals = cluster_totals([[1, 1, 1, 2, -2]], ["a", "a", "a", "b", "c"])
    np.testing.assert_array_equal(sign_flip_p(totals, np.random.default_rng(0)), [6 / 8])
    np.testing.assert_array_equal(p_of([1, 2, -2]), [1])
    np.testing.assert_array_equal(p_of([1, 1, 1, 2, -2]), [18 / 32])


@pytest.mark.parametrize(("n_clusters", "flips"), [(9, 9999), (30, 999)])
def test_p_under_the_null_is_never_too_small(n_clusters: int, flips: int) -> None:
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 6, size=n_clusters)
    labels = np.repeat(np.arange(n_clusters), sizes)
    # Heavy tails, and a variance that grows from cluster to cluster: symmetry is all it needs.
    effects = rng.standard_t(3, size=(4000, n_clusters)) * np.linspace(1, 5, n_clusters)
    totals = cluster_totals(effects[:, labels], labels)
    p = sign_flip_p(totals, rng, flips)
    for alpha in (0.01, 0.05, 0.1, 0.25, 0.5):
        slack = 3.5 * np.sqrt(alpha * (1 - alpha) / 4000)
        assert np.mean(p <= alpha) <= alpha + slack
        assert np.mean(p <= alpha) >= alpha - slack - 2 ** (1 - n_clusters)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(float, (3, 7), elements=st.integers(-4, 4).map(float)),
    st.sampled_from([-1.0, 0.1, 3.0]),
)
def test_sign_and_scale_leave_p_alone(values: np.ndarray, scale: float) -> None:
    # Small whole numbers are full of ties, which rounding must not break.
    np.testing.assert_array_equal(p_of(values), p_of(scale * values))
    assert (p_of(values) >= 2 / 2**7).all()


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).normal(0.2, 1, size=(5, 20))
    few = values[:, :8]
    whole = p_of(values), p_of(few)
    monkeypatch.setattr(significance, "BLOCK_VALUES", 140)
    np.testing.assert_array_equal((p_of(values), p_of(few)), whole)


def test_same_seed_same_p() -> None:
    values = np.random.default_rng(4).normal(size=(5, 20))
    np.testing.assert_array_equal(p_of(values, 1), p_of(values, 1))
    assert (p_of(values, 1) != p_of(values, 2)).any()


def test_no_flips_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 flip"):
        p_of([1, 2], flips=0)


def test_q_by_hand_with_what_was_not_tested() -> None:
    q = q_values([[0.01, np.nan, 0.04], [0.03, 0.005, np.nan]])
    np.testing.assert_allclose(q, [[0.02, np.nan, 0.04], [0.04, 0.02, np.nan]])
    assert np.isnan(q_values([np.nan, np.nan])).all()
    assert q_values([]).shape == (0,)


@settings(deadline=None)
@given(hnp.arrays(float, st.integers(1, 30), elements=st.floats(0, 1)))
def test_q_is_the_step_up_procedure(p: np.ndarray) -> None:
    order = np.argsort(p)
    stepped = p[order] * p.size / np.arange(1, p.size + 1)
    expected = np.empty_like(p)
    expected[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1)
    np.testing.assert_allclose(q_values(p), expected, rtol=1e-12)


@pytest.mark.parametrize("p", [-0.1, 1.5, np.inf])
def test_q_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        q_values([0.5, p])
