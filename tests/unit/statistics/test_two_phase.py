"""Two-phase means: Cochran's formulas by least squares, limits, coverage on simulated effects."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from circuit_scaling.statistics.clusters import ClusterTotals, cluster_totals
from circuit_scaling.statistics.estimates import Estimates
from circuit_scaling.statistics.means import cluster_means, p_values
from circuit_scaling.statistics.two_phase import two_phase_means
from tests.helpers.simulated_effects import POPULATIONS, totals_of


def estimated(values: NDArray, control: NDArray) -> Estimates:
    """The first columns of `control` [items, clusters] are those of `values`."""
    known = control[:, : values.shape[1]]
    return two_phase_means(totals_of(values), totals_of(known), totals_of(control))[0]


def drawn(seed: int, noise: float, n_all: int = 60) -> tuple[NDArray, NDArray]:
    """A control and what goes along with it: [4 items, clusters] each."""
    rng = np.random.default_rng(seed)
    control = rng.standard_normal((4, n_all))
    return 0.7 * control + 1 + noise * rng.standard_normal(control.shape), control


def test_mean_and_variance_are_cochrans() -> None:
    values, control = drawn(0, 0.5)
    n = 20
    found = estimated(values[:, :n], control)
    for item in range(4):
        fit = scipy.stats.linregress(control[item, :n], values[item, :n])
        at = control[item].mean()
        assert found.mean[item] == pytest.approx(fit.intercept + fit.slope * at)
        rest = values[item, :n] - fit.intercept - fit.slope * control[item, :n]
        of_line = (rest @ rest / (n - 2)) * (
            1 / n + (at - control[item, :n].mean()) ** 2 / (n * control[item, :n].var())
        )
        of_control = fit.slope**2 * control[item].var(ddof=1) / control.shape[1]
        assert found.se[item] ** 2 == pytest.approx(of_line + of_control)


def test_without_a_control_it_is_the_mean() -> None:
    values, _ = drawn(1, 1.0)
    found = estimated(values, np.zeros((4, 90)))
    expected = cluster_means(totals_of(values))
    np.testing.assert_allclose(found.mean, expected.mean)
    n = values.shape[1]
    np.testing.assert_allclose(found.se, expected.se * np.sqrt((n - 1) / (n - 2)))


def test_a_control_that_says_everything_gives_the_mean_over_all() -> None:
    values, _ = drawn(2, 1.0)
    found, of_measured = two_phase_means(
        totals_of(values[:, :12]), totals_of(values[:, :12]), totals_of(values)
    )
    expected = cluster_means(totals_of(values))
    np.testing.assert_allclose(found.mean, expected.mean)
    np.testing.assert_allclose(found.se, expected.se)
    np.testing.assert_allclose(found.interval(0.05)[0], expected.low, rtol=2e-2)
    np.testing.assert_allclose(of_measured, 0, atol=1e-20)


def test_all_prompts_measured_give_their_mean() -> None:
    values, control = drawn(3, 0.3)
    np.testing.assert_allclose(estimated(values, control).mean, values.mean(axis=1))


def test_prompts_of_a_cluster_count_one_by_one() -> None:
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(30), rng.integers(1, 5, 30))
    control = rng.standard_normal((2, labels.size)) + rng.standard_normal(30)[labels]
    values = 2 * control + 3
    some = labels < 12
    found, _ = two_phase_means(
        cluster_totals(values[:, some], labels[some]),
        cluster_totals(control[:, some], labels[some]),
        cluster_totals(control, labels),
    )
    np.testing.assert_allclose(found.mean, values.mean(axis=1))


@pytest.mark.parametrize("population", ["normal", "exponential", "t, 3 degrees of freedom"])
def test_the_interval_holds_the_truth(population: str) -> None:
    rng = np.random.default_rng(5)
    draw = POPULATIONS[population]
    control = draw(rng, (4000, 80))
    values = control[:, :20] + 0.4 * draw(rng, (4000, 20))
    low, high = estimated(values, control).interval(0.05)
    assert 0.93 < np.mean((low <= 0) & (high >= 0)) < 0.985


def test_what_does_not_fit_is_refused() -> None:
    values, control = drawn(6, 1.0)
    all_of_it = totals_of(control)
    few = totals_of(values[:, :2])
    with pytest.raises(ValueError, match="at least 3"):
        two_phase_means(few, few, all_of_it)
    other = ClusterTotals(tuple("abc"), values[:, :3], np.ones(3))
    with pytest.raises(ValueError, match="must be known"):
        two_phase_means(other, other, all_of_it)


def test_effects_that_are_one_value_have_no_error_and_the_p_of_their_signs() -> None:
    rng = np.random.default_rng(5)
    labels = np.repeat([f"{i:02d}" for i in range(40)], rng.integers(1, 6, 40))
    control = rng.standard_normal((1, labels.size))
    few = labels < "20"
    found, of_measured = two_phase_means(
        cluster_totals(np.full((1, few.sum()), 0.1), labels[few]),
        cluster_totals(control[:, few], labels[few]),
        cluster_totals(control, labels),
    )
    assert found.mean[0] == pytest.approx(0.1)
    assert (found.se[0], found.skewness[0], of_measured[0]) == (0, 0, 0)
    assert p_values(found, 20)[0] == 2.0**-19


def test_clusters_measured_in_part_have_errors_as_large_as_they_are() -> None:
    """Two prompts a cluster, one measured; the control is rough, what prompts share is not."""
    rng = np.random.default_rng(1)
    n_items, n_clusters = 3000, 40
    labels = np.repeat([f"{i:02d}" for i in range(n_clusters)], 2)
    shared = np.repeat(rng.standard_normal((n_items, n_clusters)), 2, axis=1)
    values = shared + 0.3 * rng.standard_normal(shared.shape)
    control = shared + 1.5 * rng.standard_normal(shared.shape)
    found, _ = two_phase_means(
        cluster_totals(values[:, ::2], labels[::2]),
        cluster_totals(control[:, ::2], labels[::2]),
        cluster_totals(control, labels),
    )
    assert np.sqrt(np.square(found.se).mean()) == pytest.approx(found.mean.std(), rel=0.05)
