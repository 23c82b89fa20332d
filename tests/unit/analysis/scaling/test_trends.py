"""Slopes against size: by hand, with few models, and with models that cannot be placed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from circuit_scaling.analysis.scaling.correlations import corr_vs_scale
from circuit_scaling.analysis.scaling.strong_heads import strong_heads
from circuit_scaling.analysis.scaling.trends import ALL_FAMILIES, scale_trend
from circuit_scaling.tables.scaling import (
    SCALE_TREND,
)
from tests.helpers.scaled_heads import CLASSIFY, NOTHING, SETTINGS, drawn, model


def models_table(sizes: list[float], corrs: list[float], family: str = "mini") -> pd.DataFrame:
    heads = pd.concat(
        [
            model(*drawn(i), name=f"{family}{i}", params_m=size, family=family)
            for i, size in enumerate(sizes)
        ],
        ignore_index=True,
    )
    table = corr_vs_scale(heads, NOTHING, SETTINGS)
    strong, _ = strong_heads(heads, NOTHING, SETTINGS, CLASSIFY)
    assert len(table) == len(sizes)
    return table.assign(corr=corrs, corr_true=corrs), strong  # type: ignore[return-value]


class TestTrend:
    def test_slope_per_tenfold_size_by_hand(self) -> None:
        table, strong = models_table([1, 10, 100], [0.0, 0.5, 0.4])
        trend = scale_trend(table, strong, 0.05)
        SCALE_TREND.validate(trend)
        row = trend.set_index(["family", "measure"]).loc[("mini", "corr")]
        assert row["slope"] == pytest.approx(0.2, abs=1e-9)
        expected = scipy.stats.linregress([0, 1, 2], [0, 0.5, 0.4])
        half = scipy.stats.t.ppf(0.975, 1) * expected.stderr
        assert row["se"] == pytest.approx(expected.stderr, abs=1e-9)
        assert row["high"] == pytest.approx(0.2 + half, abs=1e-9)
        assert row["high"] - row["low"] > 3  # one degree of freedom: wide, and shown so
        shares = strong.loc[strong["tau"] == 0.05, "frac_strong"]
        row = trend.set_index(["family", "measure"]).loc[(ALL_FAMILIES, "frac_strong")]
        assert row["slope"] == pytest.approx(np.polyfit([0, 1, 2], shares, 1)[0], abs=1e-9)

    @pytest.mark.parametrize("n", [1, 2])
    def test_one_or_two_models_have_no_slope(self, n: int) -> None:
        table, strong = models_table([1.0, 10.0][:n], [0.1, 0.2][:n])
        trend = scale_trend(table, strong, 0.05)
        SCALE_TREND.validate(trend)
        known = trend["measure"] != "frac_strong_true"  # which needs effects of clusters
        assert trend["n_models"].tolist() == np.where(known, n, 0).tolist()
        assert len(trend) == 8
        assert trend[["slope", "se", "low", "high"]].isna().all(axis=None)

    def test_models_that_cannot_be_placed_are_left_out_and_counted(self) -> None:
        table, strong = models_table([1, 10, 100, 5, 5, 5], [0.1, 0.2, 0.3, 9, 9, np.nan])
        table["competent_anti_names"] = pd.array(
            [True, pd.NA, True, False, True, True], dtype="boolean"
        )
        table.loc[4, "params_m"] = np.nan
        trend = scale_trend(table, strong, 0.05).set_index(["family", "measure"])
        row = trend.loc[("mini", "corr")]
        assert (row["n_models"], row["n_left_out"]) == (3, 3)
        assert row["slope"] == pytest.approx(0.1, abs=1e-9)

    def test_families_apart_and_together(self) -> None:
        parts = [
            models_table([1, 10, 100], [0.0, 0.1, 0.2], "mini"),
            models_table([1, 10, 100], [0.4, 0.3, 0.2], "maxi"),
        ]
        table, strong = (pd.concat(both, ignore_index=True) for both in zip(*parts, strict=True))
        trend = scale_trend(table, strong, 0.05).set_index(["family", "measure"])["slope"]
        np.testing.assert_allclose(
            [trend[name, "corr"] for name in ("mini", "maxi", ALL_FAMILIES)],
            [0.1, -0.1, 0.0],
            atol=1e-9,
        )

    def test_no_models(self) -> None:
        table, strong = models_table([1.0], [0.1])
        assert len(scale_trend(table.iloc[:0], strong.iloc[:0], 0.05)) == 0
