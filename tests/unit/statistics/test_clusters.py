"""Totals per cluster: what goes in comes out, and nothing missing slips through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.statistics.clusters import cluster_totals


def test_totals_by_hand() -> None:
    totals = cluster_totals([[1, 2, 3, 4], [0, 10, 0, 30]], ["b", "a", "b", "c"])
    assert totals.labels == ("a", "b", "c")
    np.testing.assert_array_equal(totals.sums, [[2, 4, 4], [10, 0, 30]])
    np.testing.assert_array_equal(totals.n_prompts, [1, 2, 1])
    np.testing.assert_array_equal(totals.mean, [2.5, 10])


def test_numbers_are_labels_too() -> None:
    assert cluster_totals([[1, 2, 3]], np.array([7, 7, 9])).labels == ("7", "9")


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_cluster_means_with_their_counts_stand_for_the_prompts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 6, size=25)
    values = rng.normal(size=(3, 25))
    prompts = cluster_totals(values, labels)
    again = cluster_totals(prompts.sums / prompts.n_prompts, prompts.labels, prompts.n_prompts)
    assert again.labels == prompts.labels
    np.testing.assert_allclose(again.sums, prompts.sums, atol=1e-12)
    np.testing.assert_array_equal(again.n_prompts, prompts.n_prompts)
    np.testing.assert_allclose(prompts.mean, values.mean(axis=1), atol=1e-12)


@settings(deadline=None)
@given(st.permutations(range(12)))
def test_order_of_prompts_does_not_matter(order: list[int]) -> None:
    values = np.arange(24, dtype=float).reshape(2, 12)
    labels = np.array(list("aabbbcccccde"))
    plain, shuffled = (
        cluster_totals(values, labels),
        cluster_totals(values[:, order], labels[order]),
    )
    assert plain.labels == shuffled.labels
    np.testing.assert_array_equal(plain.sums, shuffled.sums)


@pytest.mark.parametrize(
    ("values", "labels", "counts", "message"),
    [
        ([1.0, 2.0], ["a", "b"], None, "items, prompts"),
        (np.empty((2, 0)), [], None, "at least one prompt"),
        ([[1.0, np.nan]], ["a", "b"], None, "item 0, prompt 1"),
        ([[1.0, np.inf]], ["a", "b"], None, "not finite"),
        ([[1.0, 2.0]], ["a"], None, "1 cluster labels for 2 prompts"),
        ([[1.0, 2.0]], ["a", None], None, "none missing"),
        ([[1.0, 2.0]], [1, float("nan")], None, "none missing"),
        ([[1.0, 2.0]], ["a", 1], None, "all text or all whole numbers"),
        ([[1.0, 2.0]], ["a", "b"], [1, 0], "positive counts"),
        ([[1.0, 2.0]], ["a", "b"], [1], "2 positive counts"),
    ],
)
def test_what_does_not_fit_is_refused(
    values: object, labels: list[object], counts: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        cluster_totals(values, labels, counts)  # type: ignore[arg-type]
