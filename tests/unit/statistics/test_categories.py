"""Head categories: the threshold itself, missing values, stability and shares."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from circuit_scaling.statistics.categories import (
    CATEGORIES,
    ShareInterval,
    categorise,
    category_shares,
    category_stability,
    resolved,
)

effects = hnp.arrays(float, 8, elements=st.floats(-0.3, 0.3))


def test_categories_by_hand() -> None:
    got = categorise([-0.2, 0.01, 0.3, 0.0], [0.0, -0.4, 0.06, 0.04], 0.05)
    assert got.tolist() == ["ioi_only", "anti_only", "shared", "weak"]


@pytest.mark.parametrize("sign", [1, -1])
def test_tau_itself_is_strong(sign: int) -> None:
    below = np.nextafter(0.05, 0)
    got = categorise(sign * np.array([0.05, below]), sign * np.array([below, 0.05]), 0.05)
    assert got.tolist() == ["ioi_only", "anti_only"]


@settings(deadline=None)
@given(effects, effects, st.floats(0.001, 0.4))
def test_swapping_the_tasks_swaps_the_categories(
    ioi: np.ndarray, anti: np.ndarray, tau: float
) -> None:
    swapped = {"ioi_only": "anti_only", "anti_only": "ioi_only", "shared": "shared", "weak": "weak"}
    there, back = categorise(ioi, anti, tau), categorise(-anti, ioi, tau)
    assert [swapped[name] for name in there.tolist()] == back.tolist()


@settings(deadline=None)
@given(effects, effects)
def test_a_higher_tau_makes_no_head_stronger(ioi: np.ndarray, anti: np.ndarray) -> None:
    strong_on = {"weak": 0, "ioi_only": 1, "anti_only": 1, "shared": 2}
    low, high = (
        [strong_on[name] for name in categorise(ioi, anti, tau).tolist()] for tau in (0.03, 0.1)
    )
    assert all(a >= b for a, b in zip(low, high, strict=True))


@pytest.mark.parametrize("tau", [0.0, -0.05, float("nan"), float("inf")])
def test_tau_must_be_positive(tau: float) -> None:
    with pytest.raises(ValueError, match="tau must be a positive number"):
        categorise([0.1], [0.1], tau)
    with pytest.raises(ValueError, match="tau must be a positive number"):
        resolved([0.1], [0.2], [0.1], [0.2], tau)
    with pytest.raises(ValueError, match="tau must be a positive number"):
        category_stability(np.full((2, 1), np.nan), np.full((2, 1), np.nan), ["weak"], tau)


def test_a_missing_effect_has_no_category() -> None:
    with pytest.raises(ValueError, match=r"delta_anti is missing for 1 of 2 heads .*position 1"):
        categorise([0.1, 0.1], [0.1, np.nan], 0.05)
    with pytest.raises(ValueError, match="shape"):
        categorise([0.1, 0.1], [0.1], 0.05)


def test_stability_by_hand() -> None:
    ioi = np.array([[0.1, 0.1, 0.0], [0.1, 0.1, 0.0], [0.01, 0.1, 0.0], [-0.1, 0.1, 0.0]])
    anti = np.array([[0.0, 0.1, 0.0], [0.0, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.0]])
    got = category_stability(ioi, anti, ["ioi_only", "shared", "anti_only"], 0.05)
    np.testing.assert_array_equal(got, [0.75, 0.5, 0])


def test_stability_of_a_head_without_draws_is_missing() -> None:
    ioi = np.array([[0.1, np.nan, 0.1], [0.1, 0.1, 0.1]])
    anti = np.array([[0.0, 0.1, 0.0], [0.0, 0.1, np.nan]])
    got = category_stability(ioi, anti, ["ioi_only"] * 3, 0.05)
    np.testing.assert_array_equal(got, [1, np.nan, np.nan])
    nothing = np.full((5, 3), np.nan)
    assert np.isnan(category_stability(ioi[:1], nothing[:1], ["weak"] * 3, 0.05)).all()


def test_stability_refuses_what_does_not_fit() -> None:
    draws = np.zeros((4, 2))
    with pytest.raises(ValueError, match="unknown category 'strong'"):
        category_stability(draws, draws, ["weak", "strong"], 0.05)
    with pytest.raises(ValueError, match="3 heads"):
        category_stability(draws, draws, ["weak"] * 3, 0.05)
    with pytest.raises(ValueError, match="draws must be"):
        category_stability(draws, draws[:3], ["weak"] * 2, 0.05)
    with pytest.raises(ValueError, match="no bootstrap draws"):
        category_stability(draws[:0], draws[:0], ["weak"] * 2, 0.05)


@pytest.mark.parametrize(
    ("low", "high", "clear"),
    [
        (-0.02, 0.02, True),
        (0.06, 0.2, True),
        (-0.2, -0.06, True),
        (0.02, 0.08, False),
        (-0.08, -0.02, False),
        (-0.3, 0.3, False),
        (0.05, 0.2, True),  # tau and above: strong throughout
        (-0.2, -0.05, True),
        (0.0, 0.05, False),  # reaches tau, which is strong
        (-0.05, 0.0, False),
    ],
)
def test_resolved_by_either_task(low: float, high: float, clear: bool) -> None:
    got = resolved([low, 0.1], [high, 0.2], [0.1, low], [0.2, high], 0.05)
    assert got.tolist() == [clear, clear]


@settings(deadline=None)
@given(effects, effects, effects, effects)
def test_resolved_means_every_value_inside_has_the_same_category(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray
) -> None:
    low_ioi, high_ioi = np.minimum(a, b), np.maximum(a, b)
    low_anti, high_anti = np.minimum(c, d), np.maximum(c, d)
    inside = np.linspace(0, 1, 7)[:, None]
    clear = resolved(low_ioi, high_ioi, low_anti, high_anti, 0.05)
    for head in np.flatnonzero(clear.astype(bool)):
        ioi = np.clip(low_ioi + inside * (high_ioi - low_ioi), low_ioi, high_ioi)[:, head]
        anti = np.clip(low_anti + inside * (high_anti - low_anti), low_anti, high_anti)[:, head]
        assert len(set(categorise(ioi, anti, 0.05).tolist())) == 1


def test_resolved_is_unknown_without_an_interval() -> None:
    nan = np.nan
    got = resolved([0.1, nan, 0.1], [0.2, nan, 0.2], [0.1, 0.1, 0.1], [0.2, 0.2, nan], 0.05)
    assert got.tolist() == [True, None, None]
    with pytest.raises(ValueError, match="low bound above"):
        resolved([0.2], [0.1], [0.1], [0.2], 0.05)


def shares_of(
    ioi: np.ndarray, anti: np.ndarray, draws: tuple[np.ndarray, np.ndarray], se: float = 0.0
) -> dict[str, ShareInterval]:
    error = np.full(ioi.shape, se)
    return category_shares((ioi, anti), (error, error), draws, 0.05)


def test_shares_by_hand() -> None:
    ioi, anti = np.array([0.2, 0.2, 0.0, 0.0]), np.array([0.0, 0.2, 0.0, 0.0])
    certain = shares_of(ioi, anti, (np.tile(ioi, (50, 1)), np.tile(anti, (50, 1))))
    assert certain == {
        "ioi_only": (0.25, 0.25, 0.25),
        "anti_only": (0, 0, 0),
        "shared": (0.25, 0.25, 0.25),
        "weak": (0.5, 0.5, 0.5),
    }
    assert tuple(certain) == CATEGORIES
    # In every tenth draw the fourth head becomes ioi_only: 0.25 further, in more than 5 % of them.
    moved = np.tile(ioi, (50, 1))
    moved[::10, 3] = 0.06
    drawn = shares_of(ioi, anti, (moved, np.tile(anti, (50, 1))))
    assert drawn["ioi_only"] == (0.25, 0, 0.5)
    assert drawn["weak"] == (0.5, 0.25, 0.75)
    assert drawn["shared"] == certain["shared"]


def test_what_twice_the_noise_would_add_is_taken_off() -> None:
    # Weak on IOI at 0.03 with se 0.02: strong with P(Z > 1) + P(Z < -4) if noise is added.
    ioi, anti = np.full(10, 0.03), np.full(10, 1.0)
    draws = ioi + 0.02 * np.random.default_rng(0).normal(size=(200, 10)), np.tile(anti, (200, 1))
    error = np.full(10, 0.02), np.full(10, 1e-6)
    found = category_shares((ioi, anti), error, draws, 0.05)
    added = scipy.stats.norm.sf(1) + scipy.stats.norm.sf(4)
    assert found["anti_only"].share == pytest.approx(1.0)  # 2 - (1 - added), cut at 1
    assert found["shared"].share == 0.0
    seen_strong = category_shares((ioi + 0.04, anti), error, draws, 0.05)
    lost = scipy.stats.norm.cdf(-1) - scipy.stats.norm.cdf(-6)
    assert seen_strong["shared"].share == pytest.approx(1.0)
    assert added > 0
    assert lost > 0
    mixed = np.where(np.arange(10) < 5, 0.03, 1.0)
    half = category_shares((mixed, anti), error, (np.tile(mixed, (200, 1)), draws[1]), 0.05)
    assert half["shared"].share == pytest.approx(0.5 - added / 2, abs=1e-9)


def test_shares_without_usable_draws_are_not_known() -> None:
    rng = np.random.default_rng(1)
    ioi, anti = rng.normal(size=(2, 20))
    noise = rng.normal(size=(300, 20))
    usable = shares_of(ioi, anti, (ioi + 0.02 * noise, anti + 0.02 * noise), 0.02)
    noisy = shares_of(ioi, anti, (ioi + 0.03 * noise, anti + 0.02 * noise), 0.03)
    none = shares_of(ioi, anti, (ioi + 0.02 * noise, np.full((300, 20), np.nan)), 0.02)
    assert np.isfinite(list(usable.values())).all()
    for shares in (noisy, none):
        assert np.isnan(list(shares.values())).all()


# 150 models of 144 heads: a true 95 % is measured as 90.5 to 98.5 in 99 cells of 100.
@pytest.mark.parametrize("se", [0.005, 0.015, 0.024])
def test_share_intervals_hold_the_true_share(se: float) -> None:
    rng = np.random.default_rng(2)
    covered: dict[str, list[bool]] = {name: [] for name in CATEGORIES}
    for _ in range(150):
        strong = rng.random((2, 144)) < 0.4
        truth = np.where(strong, rng.normal(0, 0.3, (2, 144)), rng.normal(0, 0.01, (2, 144)))
        seen = truth + se * rng.normal(size=(2, 144))
        draws = seen[:, None] + se * rng.normal(size=(2, 300, 144))
        shares = shares_of(seen[0], seen[1], (draws[0], draws[1]), se)
        names = categorise(truth[0], truth[1], 0.05)
        for name in CATEGORIES:
            true_share = np.mean(names == name)
            covered[name].append(bool(shares[name].low <= true_share <= shares[name].high))
    for name in CATEGORIES:
        assert np.mean(covered[name]) >= 0.88


def test_shares_need_heads() -> None:
    with pytest.raises(ValueError, match="at least one head"):
        shares_of(np.empty(0), np.empty(0), (np.empty((5, 0)), np.empty((5, 0))))
