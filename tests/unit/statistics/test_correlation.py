"""The corrected correlation: closed forms, planted truth, coverage, and when it is not defined."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from circuit_scaling.statistics.clusters import ClusterTotals
from circuit_scaling.statistics.correlation import corrected_correlation, effective_heads
from circuit_scaling.statistics.cross_cluster import (
    head_products,
    pair_weight,
    pairwise_products,
    parts_of,
    signal_over_noise,
)
from tests.helpers.simulated_heads import Design, coverage, simulate

DESIGN = Design(rho=0.5, heads=60, clusters=20, reliability=0.8)


def totals(
    effects: NDArray[np.float64], prefix: str = "c", sizes: NDArray[np.float64] | None = None
) -> ClusterTotals:
    """Cluster means [heads, clusters] as totals; every cluster has one prompt unless told."""
    n_prompts = np.ones(effects.shape[1]) if sizes is None else sizes
    labels = tuple(f"{prefix}{c:03d}" for c in range(effects.shape[1]))
    return ClusterTotals(labels, effects * n_prompts, n_prompts)


def drawn(seed: int, heads: int = 8, clusters: int = 5) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(heads, clusters))


class TestProducts:
    def test_corrected_variance_is_the_observed_less_the_noise(self) -> None:
        effects = drawn(0)
        corrected = head_products(*[parts_of(totals(effects))] * 2).sum() / 7
        centred = effects - effects.mean(axis=0)
        noise = centred.var(axis=1, ddof=1).sum() / 5 / 7
        assert corrected == pytest.approx(effects.mean(axis=1).var(ddof=1) - noise, abs=1e-12)

    def test_covariance_of_different_clusters_needs_no_correction(self) -> None:
        x, y = drawn(1), drawn(2, clusters=7)
        got = head_products(parts_of(totals(x, "a")), parts_of(totals(y, "b"))).sum() / 7
        assert got == pytest.approx(np.cov(x.mean(axis=1), y.mean(axis=1))[0, 1], abs=1e-12)

    def test_shared_clusters_lose_their_noise_covariance(self) -> None:
        x, y = drawn(3), drawn(4)
        got = head_products(parts_of(totals(x)), parts_of(totals(y))).sum() / 7
        deviations = [e - e.mean(axis=1, keepdims=True) for e in (x - x.mean(0), y - y.mean(0))]
        noise = (deviations[0] * deviations[1]).sum() / 4 / 5 / 7
        observed = np.cov(x.mean(axis=1), y.mean(axis=1))[0, 1]
        assert got == pytest.approx(observed - noise, abs=1e-12)

    def test_every_pair_of_heads(self) -> None:
        a = parts_of(totals(drawn(5), sizes=np.array([1.0, 2, 3, 1, 1])))
        b = parts_of(totals(drawn(6)))
        np.testing.assert_allclose(np.diag(pairwise_products(a, b)), head_products(a, b))

    def test_pairs_of_unequal_clusters_by_hand(self) -> None:
        a = parts_of(totals(np.array([[1.0, 4.0], [3.0, 0.0]]), sizes=np.array([1.0, 3.0])))
        # Centred: -1, 1 on the first cluster and 2, -2 on the second; weights 1/4 and 3/4.
        np.testing.assert_allclose(a.parts, [[-0.25, 1.5], [0.25, -1.5]])
        assert pair_weight(a, a) == pytest.approx(1 - 1 / 16 - 9 / 16)
        # Only the pairs (first, second) and (second, first) are left: 2 x -0.25 x 1.5 / 0.375.
        np.testing.assert_allclose(head_products(a, a), [-2.0, -2.0])

    def test_signal_over_noise_by_hand(self) -> None:
        # Gram matrix of the parts off the diagonal: one pair of clusters, product -0.75.
        a = parts_of(totals(np.array([[1.0, 4.0], [3.0, 0.0]]), sizes=np.array([1.0, 3.0])))
        assert signal_over_noise(a) == pytest.approx(-1.5 / np.sqrt(2 * 2 * 0.75**2))
        assert np.isnan(signal_over_noise(parts_of(totals(np.ones((3, 4))))))


class TestEstimate:
    def test_without_noise_it_is_pearson(self) -> None:
        effects = np.random.default_rng(7).normal(size=(2, 30))
        found = corrected_correlation(*(totals(np.tile(e[:, None], 12)) for e in effects))
        assert found.r == pytest.approx(np.corrcoef(effects)[0, 1], abs=1e-9)
        assert found.low < found.r < found.high
        assert found.undefined == ""

    @pytest.mark.parametrize(("rho", "shared", "expected"), [(0.5, False, 0.3), (0.0, True, 0.2)])
    def test_is_centred_on_the_truth_where_pearson_is_not(
        self, rho: float, shared: bool, expected: float
    ) -> None:
        design = Design(rho=rho, heads=400, clusters=20, reliability=0.6, shared=shared)
        rng = np.random.default_rng(8)
        pairs = [simulate(design, rng) for _ in range(60)]
        corrected = np.mean([corrected_correlation(*pair).r for pair in pairs])
        raw = np.mean([np.corrcoef(a.mean, b.mean)[0, 1] for a, b in pairs])
        assert corrected == pytest.approx(rho, abs=0.03)
        # Attenuated to 0.5 x 0.6; or 0.4 of noise variance, of which half is in common.
        assert raw == pytest.approx(expected, abs=0.03)

    def test_correlations_of_one_reach_the_end(self) -> None:
        effects = np.random.default_rng(9).normal(size=30)
        x = totals(np.tile(effects[:, None], 12))
        assert corrected_correlation(x, x).high == pytest.approx(1.0)
        assert corrected_correlation(x, x).r == pytest.approx(1.0)

    @settings(deadline=None, max_examples=25)
    @given(
        st.integers(0, 10**6), st.floats(0.01, 100), st.floats(-5, 5), st.booleans(), st.booleans()
    )
    def test_neither_units_nor_order_nor_shift_matter(
        self, seed: int, unit: float, shift: float, shared: bool, negate: bool
    ) -> None:
        rng = np.random.default_rng(seed)
        design = replace(DESIGN, heads=24, clusters=12, shared=shared)
        a, b = simulate(design, rng)
        heads, clusters = rng.permutation(24), rng.permutation(12)
        sign = -1.0 if negate else 1.0

        def changed(task: ClusterTotals, scale: float) -> ClusterTotals:
            sums = (scale * task.sums + shift * task.n_prompts)[heads][:, clusters]
            labels = tuple(task.labels[c] for c in clusters)
            return ClusterTotals(labels, sums, task.n_prompts[clusters])

        first = corrected_correlation(a, b, ("a", "b"))
        again = corrected_correlation(changed(a, sign * unit), changed(b, 1.0), ("a", "b"))
        assert again.undefined == first.undefined
        ends = [sign * end for end in (first.low, first.high)][:: int(sign)]
        expected = [sign * first.r, *ends, first.minimal_detectable]
        np.testing.assert_allclose(again[:4], expected, atol=1e-6)

    def test_the_tasks_may_change_places(self) -> None:
        a, b = simulate(DESIGN, np.random.default_rng(10))
        np.testing.assert_allclose(
            corrected_correlation(a, b)[:4], corrected_correlation(b, a)[:4], atol=1e-9
        )

    def test_detectable_correlation_of_many_heads_without_noise(self) -> None:
        design = replace(DESIGN, rho=0.0, heads=2000, reliability=0.999)
        found = corrected_correlation(*simulate(design, np.random.default_rng(11)))
        assert found.minimal_detectable == pytest.approx(2.8016 / np.sqrt(2000), rel=0.1)

    @pytest.mark.parametrize("seed", [15, 18, 20])
    def test_ends_are_where_a_test_at_that_correlation_just_refuses(self, seed: int) -> None:
        x, y = np.random.default_rng(seed).standard_t(2, (2, 40))
        found = corrected_correlation(*(totals(np.tile(e[:, None], 12)) for e in (x, x + y)))
        z = [(e - e.mean()) / e.std(ddof=1) for e in (x, x + y)]
        for rho in (found.low, found.high):
            of_head = 40 / 39 * (z[0] * z[1] - rho * (z[0] ** 2 + z[1] ** 2) / 2)
            assert of_head.mean() == pytest.approx(found.r - rho, abs=1e-9)
            measured = of_head.var(ddof=1) / 40 + (found.r - rho) ** 2 / 39
            normal = (1 - rho**2) ** 2 / 39
            variance = measured + 15 / 55 * max(0.0, normal - measured)
            assert (found.r - rho) ** 2 == pytest.approx(1.959964**2 * variance, rel=1e-4)

    def test_one_dominant_head_leaves_the_correlation_open(self) -> None:
        a, b = simulate(replace(DESIGN, rho=0.0), np.random.default_rng(12))
        for task in (a, b):
            task.sums[0] += 1000.0
        found = corrected_correlation(a, b)
        assert found.r > 0.99
        assert found.low < 0

    def test_other_heads_are_refused(self) -> None:
        with pytest.raises(ValueError, match="12 heads on one task but 11"):
            corrected_correlation(totals(drawn(0, 12, 12)), totals(drawn(1, 11, 12)))


class TestUndefined:
    def test_reasons(self) -> None:
        good = totals(np.tile(drawn(0, 12, 1), 12), "a")
        few, constant = totals(drawn(1, 12, 9)), totals(np.ones((12, 12)))
        names = ("ioi", "anti_names")
        for pair, reason in (
            ((few, good), "fewer than 10 clusters on ioi"),
            ((good, few), "fewer than 10 clusters on anti_names"),
            ((good, constant), "effects on anti_names do not vary beyond noise"),
            ((totals(drawn(2, 9, 12)),) * 2, "fewer than 10 heads"),
        ):
            found = corrected_correlation(*pair, names)
            assert found.undefined == reason
            assert np.isnan(found[:4]).all()

    def test_pure_noise_gives_no_number(self) -> None:
        rng = np.random.default_rng(13)
        pure = [[totals(rng.normal(size=(60, 15)), p) for p in "ab"] for _ in range(300)]
        assert sum(not corrected_correlation(*pair).undefined for pair in pure) <= 3
        # Noise on one task only: 1 in 40 passes, or 1 in 20 if all of it is common.
        real = totals(np.tile(rng.normal(size=(60, 1)), 15), "x")
        assert sum(not corrected_correlation(a, real).undefined for a, _ in pure) <= 20
        common = [totals(np.outer(rng.normal(size=60), rng.normal(size=15))) for _ in range(300)]
        assert sum(not corrected_correlation(a, real).undefined for a in common) <= 30


# 300 repetitions: a true 95 % is measured as 91.3 to 98.3 in 199 cells of 200.
@pytest.mark.parametrize(
    "design",
    [
        Design(rho=-0.5, heads=48, clusters=10, reliability=0.95),
        Design(rho=0.0, heads=144, clusters=30, reliability=0.9),
        Design(rho=0.9, heads=48, clusters=10, reliability=0.9),
        Design(rho=0.9, heads=144, clusters=10, reliability=0.7),
        Design(rho=0.5, heads=48, clusters=30, reliability=0.5),
        Design(rho=0.9, heads=48, clusters=30, reliability=0.9, common=0.5),
        Design(rho=0.5, heads=48, clusters=20, reliability=0.8, shared=True),
        Design(rho=0.5, heads=96, clusters=20, reliability=0.9, population="t3"),
    ],
    ids=str,
)
def test_intervals_hold_the_true_correlation(design: Design) -> None:
    held, undefined = coverage(design, 300, seed=1)
    assert 0.913 <= held <= (0.983 if design.population == "normal" else 1.0)
    assert undefined <= 0.2


def test_effective_heads_by_hand() -> None:
    assert effective_heads([1, -1, 1, -1], [2, 2, -2, -2]) == pytest.approx(4)
    # Centred 3, -1, -1, -1 of squares 9, 1, 1, 1: shares 3/4 and three times 1/12.
    assert effective_heads([4, 0, 0, 0], [4, 0, 0, 0]) == pytest.approx(1 / (9 / 16 + 3 / 144))
    assert np.isnan(effective_heads([1, 1], [0, 1]))
