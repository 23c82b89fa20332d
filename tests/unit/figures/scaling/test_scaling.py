"""Figures of scaling: correlations, strong heads, heads by layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle

from circuit_scaling import figures
from circuit_scaling.figures.scaling.layers import layer_counts
from circuit_scaling.figures.style import CATEGORIES, to_svg
from tests.helpers import synthetic_tables as tables
from tests.helpers.drawn import MODELS, TAU


class TestLayerHist:
    def test_bars_are_the_counts_by_layer_and_category(self, heads: pd.DataFrame) -> None:
        rows = heads[heads["model"] == "mini_gpt2_s"]
        rows = rows[rows["layer"] != 2]
        axes = figures.layer_hist(rows).axes[0]
        bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        drawn = [bar.get_height() for bar in bars]
        expected = [
            int(((rows["category"] == name) & (rows["layer"] == layer)).sum())
            for name in CATEGORIES
            for layer in range(6)
        ]
        assert drawn == expected
        tops = [bar.get_y() + bar.get_height() for bar in bars[-6:]]
        assert tops == [8, 8, 0, 8, 8, 8]

    def test_a_model_of_unknown_depth_ends_at_its_last_layer(self, heads: pd.DataFrame) -> None:
        rows = heads[(heads["model"] == "mini_gpt2_s") & (heads["layer"] < 4)]
        counts = layer_counts(rows.assign(n_layers=np.nan))
        assert counts["layer"].tolist() == [0, 1, 2, 3]

    def test_heads_of_layers_that_the_model_does_not_have_are_counted(
        self, heads: pd.DataFrame
    ) -> None:
        rows = heads[heads["model"] == "mini_gpt2_s"].assign(n_layers=3)
        (axes,) = figures.layer_hist(rows).axes
        more = int((rows["layer"] >= 3).sum())
        assert more > 0
        assert axes.get_title("left") == (
            f"mini_gpt2_s ({more} more in layers that it does not have)"
        )


class TestCorrVsScale:
    @pytest.fixture(scope="class")
    def table(self) -> pd.DataFrame:
        return tables.corr_vs_scale(MODELS)

    def test_marks_are_the_correlations_and_hollow_if_not_competent(
        self, table: pd.DataFrame
    ) -> None:
        figure = figures.corr_vs_scale_cross_family(table)
        for axes, measure in zip(figure.axes, ("corr_true", "corr"), strict=True):
            defined = table.dropna(subset=[measure])
            drawn = [line for line in axes.lines if line.get_gid() == "model"]
            shown = {float(line.get_ydata()[0]): line for line in drawn}
            assert sorted(shown) == sorted(defined[measure])
            for row in defined.to_dict("records"):
                hollow = shown[row[measure]].get_markerfacecolor() == "white"
                assert hollow == (not (row["competent_ioi"] and row["competent_anti_names"]))

    def test_intervals_are_those_of_the_table(self, table: pd.DataFrame) -> None:
        axes = figures.corr_vs_scale_cross_family(table).axes[0]
        bars = [c for c in axes.collections if c.get_gid() == "interval"]
        drawn = sorted(tuple(s[:, 1]) for bar in bars for s in bar.get_segments())
        rows = table.dropna(subset=["corr_true"])
        ends = sorted(zip(rows["corr_true_low"], rows["corr_true_high"], strict=True))
        np.testing.assert_allclose(drawn, ends)

    def test_what_is_not_defined_or_has_no_size_is_counted(self, table: pd.DataFrame) -> None:
        figure = figures.corr_vs_scale_cross_family(table)
        assert figure.axes[0].get_title(loc="left").endswith("\n1 not defined")
        unsized = table.assign(params_m=[1.0, np.nan, 2.0, 3.0])
        label = figures.corr_vs_scale_cross_family(unsized).get_supxlabel()
        assert "1 without a known size left out" in label

    def test_the_legend_lies_inside(self, table: pd.DataFrame) -> None:
        figure = figures.corr_vs_scale_cross_family(tables.corr_vs_scale())
        renderer = FigureCanvasAgg(figure).get_renderer()
        box = figure.legends[0].get_window_extent(renderer)
        assert box.x1 <= figure.bbox.x1

    def test_without_a_corrected_correlation_only_the_observed_one_is_drawn(
        self, table: pd.DataFrame
    ) -> None:
        bare = table.assign(corr_true=np.nan, corr_true_low=np.nan, corr_true_high=np.nan)
        (axes,) = figures.corr_vs_scale_cross_family(bare).axes
        assert axes.get_title(loc="left") == "observed effects (Pearson)"
        drawn = sorted(float(m.get_ydata()[0]) for m in axes.lines if m.get_gid() == "model")
        np.testing.assert_allclose(drawn, sorted(table["corr"]))
        to_svg(figures.corr_vs_scale_cross_family(bare.head(1)))


class TestStrongHeadScaling:
    def test_shares_at_tau_and_over_the_grid(self, heads: pd.DataFrame) -> None:
        table = tables.strong_head_scaling(heads)
        figure = figures.strong_head_scaling(table, TAU)
        above, below = figure.axes[:4], figure.axes[4:]
        names = ("strong", "ioi_only", "anti_only", "shared")
        at_tau = table[table["tau"] == TAU]
        for up, down, name in zip(above, below, names, strict=True):
            drawn = [line for line in up.lines if line.get_gid() == "model"]
            shares = [float(line.get_ydata()[0]) for line in drawn]
            np.testing.assert_allclose(sorted(shares), sorted(at_tau[f"frac_{name}"]))
            lines = [line for line in down.lines if line.get_gid() == "model"]
            for line, model in zip(lines, table["model"].unique(), strict=True):
                rows = table[table["model"] == model]
                np.testing.assert_array_equal(line.get_xdata(), rows["tau"])
                np.testing.assert_array_equal(line.get_ydata(), rows[f"frac_{name}"])

    def test_models_without_a_size_are_missing_above_only(self, heads: pd.DataFrame) -> None:
        table = tables.strong_head_scaling(heads).assign(params_m=np.nan)
        figure = figures.strong_head_scaling(table, TAU)
        counts = [sum(x.get_gid() == "model" for x in axes.lines) for axes in figure.axes]
        assert counts == [0] * 4 + [4] * 4
        assert "4 without a known size left out" in figure.subfigs[0].get_supxlabel()
