"""The correlation of two tasks over heads, raw and without noise, and where it is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.analysis.scaling.correlations import corr_vs_scale
from circuit_scaling.tables.scaling import (
    CORR_VS_SCALE,
)
from tests.helpers.scaled_heads import DESIGN, NOTHING, SETTINGS, drawn, measured, model
from tests.helpers.simulated_heads import Design

NEED_CLUSTERS = ["corr_true", "corr_true_low", "corr_true_high", "minimal_detectable"]
NEED_CLUSTERS += ["reliability_ioi", "reliability_anti_names", "ceiling"]


class TestCorrelation:
    @settings(deadline=None, max_examples=20)
    @given(st.integers(0, 10**6))
    def test_raw_measures_are_exactly_those_of_scipy(self, seed: int) -> None:
        ioi, anti = drawn(seed)
        row = corr_vs_scale(model(ioi, anti), NOTHING, SETTINGS).iloc[0]
        assert row["corr"] == pytest.approx(scipy.stats.pearsonr(ioi, anti).statistic, abs=1e-9)
        assert row["corr"] == pytest.approx(np.corrcoef(ioi, anti)[0, 1], abs=1e-9)
        assert row["spearman"] == pytest.approx(
            scipy.stats.spearmanr(ioi, anti).statistic, abs=1e-9
        )
        assert row["n_heads_compared"] == 24

    def test_without_clusters_what_needs_them_is_missing(self) -> None:
        table = corr_vs_scale(model(*drawn(1)), NOTHING, SETTINGS)
        CORR_VS_SCALE.validate(table)
        row = table.iloc[0]
        assert row[NEED_CLUSTERS].isna().all()
        assert row["undefined"] == "no effects of clusters"
        assert row["n_clusters_ioi"] == row["n_clusters_anti_names"] == 0
        assert 0 < row["p"] <= 1

    def test_planted_correlation(self) -> None:
        heads, effects = measured(Design(0.9, 400, 30, 0.8), seed=2)
        table = corr_vs_scale(heads, effects, SETTINGS)
        CORR_VS_SCALE.validate(table)
        row = table.iloc[0]
        assert row["corr_true"] == pytest.approx(0.9, abs=0.04)
        assert row["corr_true_low"] <= 0.9 <= row["corr_true_high"]
        assert row["corr"] == pytest.approx(0.9 * 0.8, abs=0.05)
        assert row["ceiling"] == pytest.approx(0.8, abs=0.05)
        assert row["p"] == 1 / 200
        assert row["undefined"] == ""
        assert row["frac_resolved"] == 1.0

    def test_noise_in_shared_clusters_is_no_association(self) -> None:
        ps = []
        for seed in range(40):
            heads, effects = measured(Design(0.0, 48, 12, 0.3, shared=True), seed)
            ps.append(corr_vs_scale(heads, effects, SETTINGS).at[0, "p"])
        assert scipy.stats.binom.sf(int(np.sum(np.array(ps) <= 0.1)) - 1, 40, 0.1) > 0.001

    def test_fewer_than_ten_clusters(self) -> None:
        heads, effects = measured(Design(0.9, 48, 9, 0.9))
        row = corr_vs_scale(heads, effects, SETTINGS).iloc[0]
        assert row["undefined"] == "fewer than 10 clusters on ioi"
        assert row[["corr_true", "corr_true_low", "corr_true_high"]].isna().all()
        assert row["n_clusters_ioi"] == 9
        assert row["p"] <= 0.05  # permutations need no interval

    def test_one_cluster_in_common_tells_nothing(self) -> None:
        heads, effects = measured(Design(0.5, 48, 1, 0.9, shared=True))
        table = corr_vs_scale(heads, effects, SETTINGS)
        CORR_VS_SCALE.validate(table)
        assert np.isnan(table.at[0, "p"])

    def test_a_constant_column_has_no_correlation(self) -> None:
        table = corr_vs_scale(model(drawn(3)[0], np.zeros(24)), NOTHING, SETTINGS)
        CORR_VS_SCALE.validate(table)
        assert table.loc[0, ["corr", "spearman", "p", "n_heads_effective"]].isna().all()
        heads, effects = measured(DESIGN)
        effects.loc[effects["task"] == "ioi", "effect"] = 0.0
        table = corr_vs_scale(heads.assign(delta_ioi=0.0), effects, SETTINGS)
        CORR_VS_SCALE.validate(table)
        assert table.at[0, "undefined"] == "effects on ioi do not vary beyond noise"

    def test_no_models(self) -> None:
        CORR_VS_SCALE.validate(corr_vs_scale(model(*drawn(0)), NOTHING, SETTINGS))
        table = corr_vs_scale(model(*drawn(0)).iloc[:0], NOTHING, SETTINGS)
        assert len(table) == 0
        assert list(table) == list(CORR_VS_SCALE.columns)

    def test_models_keep_to_themselves(self) -> None:
        (a, of_a), (b, of_b) = measured(DESIGN, 4, "a"), measured(DESIGN, 5, "b")
        unknown = model(*drawn(6), name="c", competent_ioi=pd.NA, resolved=pd.NA, params_m=np.nan)
        heads = pd.concat([b, unknown, a], ignore_index=True)
        table = corr_vs_scale(heads, pd.concat([of_a, of_b]), SETTINGS)
        CORR_VS_SCALE.validate(table)
        assert table["model"].tolist() == ["b", "c", "a"]
        alone = corr_vs_scale(a, of_a, SETTINGS)
        pd.testing.assert_frame_equal(table.iloc[[2]].reset_index(drop=True), alone)
        assert table["competent_ioi"].isna().tolist() == [False, True, False]
