"""Figures of scaling: correlations, strong heads, heads by layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from circuit_scaling import figures
from circuit_scaling.analysis.classify.categories import at_taus
from circuit_scaling.figures.scaling.layers import layer_counts, layer_counts_at_taus
from circuit_scaling.figures.style import to_svg
from tests.helpers import synthetic_tables as tables
from tests.helpers.drawn import MODELS, TAU, deltas, marks, positions


def bars_of(axes: Axes) -> dict[str, np.ndarray]:
    """Category -> lower and upper end of its bar in every layer: [layers, 2]."""
    found = {c.get_gid().removeprefix("heads-"): c.get_paths() for c in axes.collections}
    return {
        name: np.array([[p.vertices[:, 1].min(), p.vertices[:, 1].max()] for p in paths])
        for name, paths in found.items()
    }


class TestLayerHist:
    def test_bars_are_the_counts_by_layer_and_category(self, heads: pd.DataFrame) -> None:
        rows = heads[heads["model"] == "mini_gpt2_s"]
        rows = rows[rows["layer"] != 2]
        ends = bars_of(figures.layer_hist(rows).axes[0])
        for name, of_category in ends.items():
            counts = [
                int(((rows["category"] == name) & (rows["layer"] == layer)).sum())
                for layer in range(6)
            ]
            assert np.diff(of_category).ravel().tolist() == counts
        assert ends["weak"][:, 1].tolist() == [8, 8, 0, 8, 8, 8]

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


class TestOtherThresholds:
    """The figures of one model at every tau, against the rule itself."""

    TAUS = (0.2, 0.03)

    @pytest.fixture(scope="class")
    def rows(self, heads: pd.DataFrame) -> pd.DataFrame:
        return heads[heads["model"] == "mini_pythia_l"].reset_index(drop=True)

    @pytest.fixture(scope="class")
    def at(self, rows: pd.DataFrame) -> pd.DataFrame:
        return at_taus(rows, self.TAUS)

    def test_a_panel_of_layers_per_tau_with_its_own_counts(
        self, rows: pd.DataFrame, at: pd.DataFrame
    ) -> None:
        figure = figures.layer_hist_taus(at)
        titles = [axes.get_title(loc="left") for axes in figure.axes]
        assert titles == ["τ = 0.03", "τ = 0.2"]
        for axes, tau in zip(figure.axes, sorted(self.TAUS), strict=True):
            ioi = rows["delta_ioi"].abs() >= tau
            anti = rows["delta_anti_names"].abs() >= tau
            shared = [int((ioi & anti & (rows["layer"] == layer)).sum()) for layer in range(8)]
            assert np.diff(bars_of(axes)["shared"]).ravel().tolist() == shared
            assert f"shared {sum(shared)} " in axes.get_title(loc="right")

    def test_the_layers_beside_it_are_those_that_it_shows(self, at: pd.DataFrame) -> None:
        counts = layer_counts_at_taus(at)
        assert counts["tau"].tolist() == [0.03] * 8 + [0.2] * 8
        for axes, (_, of_tau) in zip(
            figures.layer_hist_taus(at).axes, counts.groupby("tau"), strict=True
        ):
            for name, ends in bars_of(axes).items():
                assert np.diff(ends).ravel().tolist() == of_tau[f"n_{name}"].tolist()

    def test_marks_stay_where_they_are_and_change_their_colour(
        self, rows: pd.DataFrame, at: pd.DataFrame
    ) -> None:
        figure = figures.delta_scatter_taus(at, TAU)
        panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
        for axes, tau in zip(panels, sorted(self.TAUS), strict=True):
            np.testing.assert_array_equal(positions(marks(axes)), deltas(rows))
            weak = [c for c in marks(axes) if str(c.get_gid()).startswith("heads-weak")]
            below = rows[["delta_ioi", "delta_anti_names"]].abs().max(axis=1) < tau
            np.testing.assert_array_equal(positions(weak), deltas(rows[below]))
            (box,) = [patch for patch in axes.patches if patch.get_gid() == "box"]
            np.testing.assert_allclose(box.get_bbox().get_points(), [[-tau, -tau], [tau, tau]])
        assert len({axes.get_xlim() + axes.get_ylim() for axes in panels}) == 1
        assert panels[0].get_xlim()[1] > max(self.TAUS)

    def test_two_models_and_empty_tables(self, heads: pd.DataFrame) -> None:
        both = at_taus(heads, self.TAUS)
        for draw in (figures.layer_hist_taus, lambda at: figures.delta_scatter_taus(at, TAU)):
            with pytest.raises(ValueError, match="more than one model"):
                draw(both)
            assert draw(both.head(0)).texts[0].get_text().startswith("Nothing to draw: ")


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
