"""Shares of strong heads and their depth, by hand and with intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.analysis.scaling.strong_heads import strong_heads
from circuit_scaling.tables.scaling import (
    LAYER_PROFILE,
    STRONG_HEAD_SCALING,
)
from circuit_scaling.vocabulary import CATEGORIES
from tests.helpers.scaled_heads import CLASSIFY, NOTHING, SETTINGS, drawn, measured, model
from tests.helpers.simulated_heads import Design
from tests.helpers.written_intervals import with_intervals


class TestStrongHeads:
    # Category at tau 0.05 of heads in three layers of four (depths 1/6, 1/2, 5/6).
    IOI = np.array([0.5, 0.05, 0.049, 0.0, -0.3, 0.2, 0.0, 0.0, 0.02, 0.0, 0.0, -0.6])
    ANTI = np.array([0.0, 0.0, 0.0, -0.2, 0.3, 0.0, 0.0, 0.0, -0.02, 0.0, 0.07, 0.5])

    def test_counts_and_shares_by_hand(self) -> None:
        strong, _ = strong_heads(model(self.IOI, self.ANTI), NOTHING, SETTINGS, CLASSIFY)
        STRONG_HEAD_SCALING.validate(strong)
        assert strong["tau"].tolist() == [0.01, 0.05, 0.5]
        by_hand = {
            "ioi_only": [4, 3, 1],
            "anti_only": [2, 2, 0],
            "shared": [3, 2, 1],
            "weak": [3, 5, 10],
            "strong": [9, 7, 2],
        }
        for name, counts in by_hand.items():
            assert strong[f"n_{name}"].tolist() == counts
            np.testing.assert_allclose(strong[f"frac_{name}"], np.array(counts) / 12, atol=1e-9)
            unknown = [f"frac_{name}_{part}" for part in ("true", "low", "high")]
            assert strong[unknown].isna().all(axis=None)

    def test_tau_of_the_study_is_always_there(self) -> None:
        other = CLASSIFY.model_copy(update={"tau": 0.07})
        strong, _ = strong_heads(model(self.IOI, self.ANTI), NOTHING, SETTINGS, other)
        assert strong["tau"].tolist() == [0.01, 0.05, 0.07, 0.5]

    def test_profile_by_hand(self) -> None:
        _, profile = strong_heads(model(self.IOI, self.ANTI), NOTHING, SETTINGS, CLASSIFY)
        LAYER_PROFILE.validate(profile)
        rows = profile.set_index(["category", "bin"])
        # The middle layer lies in the middle, at 1/2, which is where the second bin begins.
        assert rows.loc["weak", "n_heads_in_bin"].tolist() == [4, 8]
        assert rows.loc["ioi_only", "n_category"].tolist() == [2, 1]
        assert rows.loc["anti_only", "n_category"].tolist() == [1, 1]
        assert rows.loc["shared", "n_category"].tolist() == [0, 2]
        np.testing.assert_allclose(rows.loc["weak", "frac_category"], [1 / 4, 4 / 8], atol=1e-9)
        means = {"ioi_only": (1 / 6 + 1 / 6 + 1 / 2) / 3, "anti_only": 1 / 2, "shared": 2 / 3}
        for category, mean in means.items():
            assert rows.loc[(category, 0), "mean_depth"] == pytest.approx(mean, abs=1e-9)

    def test_intervals_where_there_are_clusters(self) -> None:
        heads, effects = measured(Design(0.5, 48, 20, 0.9))
        heads[["delta_ioi", "delta_anti_names"]] *= 0.05
        effects["effect"] *= 0.05
        heads = with_intervals(heads, effects)
        strong, profile = strong_heads(heads, effects, SETTINGS, CLASSIFY)
        STRONG_HEAD_SCALING.validate(strong)
        LAYER_PROFILE.validate(profile)
        row = strong.set_index("tau").loc[0.05]
        assert row["frac_strong_low"] < row["frac_strong_true"] < row["frac_strong_high"]
        assert row["frac_strong_true"] < row["frac_strong"]  # noise pushed heads over tau
        assert row["frac_strong_low"] == pytest.approx(1 - row["frac_weak_high"])
        weak = profile[profile["category"] == "weak"].iloc[0]
        assert weak["mean_depth_low"] < weak["mean_depth"] < weak["mean_depth_high"]
        # At tau = 0.01 the noise is larger than tau / 2, and nothing can be said.
        assert np.isnan(strong.set_index("tau").loc[0.01, "frac_strong_low"])

    def test_a_model_of_unknown_depth_has_no_profile(self) -> None:
        heads = model(self.IOI, self.ANTI, n_layers=np.nan)
        strong, profile = strong_heads(heads, NOTHING, SETTINGS, CLASSIFY)
        assert len(strong) == 3
        assert len(LAYER_PROFILE.validate(profile)) == 0

    def test_an_empty_bin_has_no_share(self) -> None:
        heads = model(self.IOI, self.ANTI)
        _, profile = strong_heads(heads[heads["layer"] == 0], NOTHING, SETTINGS, CLASSIFY)
        LAYER_PROFILE.validate(profile)
        second = profile[profile["bin"] == 1]
        assert second["n_heads_in_bin"].tolist() == [0] * 4
        assert second["frac_category"].isna().all()
        missing = profile[(profile["category"] == "shared") & (profile["bin"] == 0)]
        assert missing["mean_depth"].isna().all()

    @settings(deadline=None, max_examples=20)
    @given(st.integers(0, 10**6))
    def test_categories_make_up_the_whole(self, seed: int) -> None:
        strong, profile = strong_heads(model(*drawn(seed)), NOTHING, SETTINGS, CLASSIFY)
        assert (strong[[f"n_{c}" for c in CATEGORIES]].sum(axis=1) == 24).all()
        assert (strong["n_strong"] + strong["n_weak"] == 24).all()
        assert strong["n_strong"].is_monotonic_decreasing
        assert profile["n_category"].sum() == 24
