"""Figures draw what their tables say: positions, counts, marks, orders and nothing else."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

from circuit_scaling import figures
from circuit_scaling.figures.by_size import places
from circuit_scaling.figures.scaling.layers import layer_counts
from circuit_scaling.figures.style import CATEGORIES, family_looks, number, order_models, to_svg
from circuit_scaling.figures.symlog import symlog_limits, symlog_ticks
from tests.helpers import synthetic_tables as tables

TAU = tables.TAU
# One model of three families, and a control that is not competent on one of the tasks.
MODELS = tuple(tables.MODELS[index] for index in (2, 0, 5, 8))
ORDER = ["mini_gpt2_s", "mini_gpt2_l", "mini_pythia_l", "control_ioi"]


@pytest.fixture(scope="module")
def heads() -> pd.DataFrame:
    return tables.classified_heads(MODELS)


@pytest.fixture(scope="module")
def phase_space(heads: pd.DataFrame) -> Figure:
    return figures.all_heads_phase_space(heads, TAU)


def marks(axes: Axes) -> list[PathCollection]:
    found = [c for c in axes.collections if str(c.get_gid()).startswith("heads-")]
    assert all(isinstance(collection, PathCollection) for collection in found)
    return found  # type: ignore[return-value]


def positions(collections: list[PathCollection]) -> np.ndarray:
    stacked = np.concatenate([np.asarray(c.get_offsets()) for c in collections])
    return stacked[np.lexsort(stacked.T)]


def deltas(frame: pd.DataFrame) -> np.ndarray:
    values = frame[["delta_ioi", "delta_anti_names"]].to_numpy(dtype=float)
    return values[np.lexsort(values.T)]


class TestPhaseSpace:
    def test_every_head_lies_at_its_two_effects(
        self, phase_space: Figure, heads: pd.DataFrame
    ) -> None:
        np.testing.assert_array_equal(positions(marks(phase_space.axes[0])), deltas(heads))

    @pytest.mark.parametrize("category", list(CATEGORIES))
    def test_colour_is_category(
        self, phase_space: Figure, heads: pd.DataFrame, category: str
    ) -> None:
        colour = to_rgba(CATEGORIES[category].colour)
        coloured = []
        for collection in marks(phase_space.axes[0]):
            faces = collection.get_facecolor()
            shown = faces[0] if len(faces) else collection.get_edgecolor()[0]
            if tuple(shown) == colour:
                coloured.append(collection)
        expected = deltas(heads[heads["category"] == category])
        np.testing.assert_array_equal(positions(coloured), expected)

    def test_marks_of_models_that_are_not_competent_are_hollow(
        self, phase_space: Figure, heads: pd.DataFrame
    ) -> None:
        hollow = [c for c in marks(phase_space.axes[0]) if not len(c.get_facecolor())]
        np.testing.assert_array_equal(
            positions(hollow), deltas(heads[heads["model"] == "control_ioi"])
        )
        labels = [text.get_text() for text in phase_space.legends[0].get_texts()]
        assert any(text.split() == ["not", "competent:", "control_ioi"] for text in labels)

    def test_unknown_competence_is_not_drawn_as_incompetence(self, heads: pd.DataFrame) -> None:
        unknown = heads.assign(competent_ioi=None, competent_anti_names=None)
        drawn = marks(figures.all_heads_phase_space(unknown, TAU).axes[0])
        assert all(len(collection.get_facecolor()) for collection in drawn)

    def test_axes_are_linear_within_tau_and_say_so(self, phase_space: Figure) -> None:
        axes = phase_space.axes[0]
        assert axes.get_xscale() == axes.get_yscale() == "symlog"
        assert axes.xaxis.get_transform().linthresh == TAU
        for label in (axes.get_xlabel(), axes.get_ylabel()):
            assert "τ = 0.05" in label
        verticals = [line.get_xdata() for line in axes.lines if len(set(line.get_xdata())) == 1]
        at = {float(x[0]) for x in verticals}
        assert {-TAU, TAU} <= at

    def test_names_are_the_strongest_competent_heads(
        self, phase_space: Figure, heads: pd.DataFrame
    ) -> None:
        competent = heads[heads["competent_ioi"] & heads["competent_anti_names"]]
        strongest = competent.nlargest(8, "strength")
        expected = {f"{row.model} L{row.layer}H{row.head}" for row in strongest.itertuples()}
        named = {text.get_text() for text in annotations(phase_space)}
        assert named
        assert named <= expected

    def test_names_do_not_overlap_and_stay_inside(self, phase_space: Figure) -> None:
        renderer = FigureCanvasAgg(phase_space).get_renderer()
        boxes = [box_of(text) for text in annotations(phase_space)]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
        frame = phase_space.axes[0].get_window_extent(renderer)
        assert all(frame.containsx(box.x0) and frame.containsx(box.x1) for box in boxes)

    def test_error_bars_belong_to_named_heads_only(
        self, phase_space: Figure, heads: pd.DataFrame
    ) -> None:
        names = [text.get_text() for text in annotations(phase_space)]
        label = heads["model"] + " L" + heads["layer"].astype(str) + "H" + heads["head"].astype(str)
        chosen = heads.set_index(label).loc[names]
        (bars,) = phase_space.axes[0].containers
        across = np.array([segment[:, 0] for segment in bars[2][0].get_segments()])
        expected = np.stack(
            [chosen["delta_ioi"] - chosen["se_ioi"], chosen["delta_ioi"] + chosen["se_ioi"]], axis=1
        )
        np.testing.assert_allclose(np.sort(across, axis=0), np.sort(expected, axis=0))

    def test_heads_without_both_effects_are_counted_not_drawn(self, heads: pd.DataFrame) -> None:
        partial = heads.copy()
        partial.loc[:4, "delta_anti_names"] = np.nan
        axes = figures.all_heads_phase_space(partial, TAU).axes[0]
        assert len(positions(marks(axes))) == len(heads) - 5
        assert "5 more lack an effect" in axes.get_title(loc="left")

    def test_missing_standard_errors_draw_no_bar(self, heads: pd.DataFrame) -> None:
        bare = heads.assign(se_ioi=np.nan, se_anti_names=np.nan)
        (bars,) = figures.all_heads_phase_space(bare, TAU).axes[0].containers
        lengths = [np.ptp(segment, axis=0).max() for segment in bars[2][0].get_segments()]
        assert max(lengths) == 0


def annotations(figure: Figure) -> list[Annotation]:
    return [text for text in figure.axes[0].texts if isinstance(text, Annotation)]


def box_of(text: Annotation) -> mpl.transforms.Bbox:
    """The box of the words alone, without the line that leads to them."""
    figure = text.get_figure(root=True)
    renderer = FigureCanvasAgg(figure).get_renderer()
    text.update_positions(renderer)
    return mpl.text.Text.get_window_extent(text, renderer)


class TestFamilyGrid:
    def test_one_panel_per_model_in_order_with_its_own_heads(self, heads: pd.DataFrame) -> None:
        figure = figures.family_grid(heads, TAU)
        panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
        assert [axes.get_title(loc="left") for axes in panels] == ORDER
        for axes, model in zip(panels, ORDER, strict=True):
            np.testing.assert_array_equal(
                positions(marks(axes)), deltas(heads[heads["model"] == model])
            )

    def test_panels_share_their_axes(self, heads: pd.DataFrame) -> None:
        figure = figures.family_grid(heads, TAU)
        assert len({axes.get_xlim() + axes.get_ylim() for axes in figure.axes}) == 1


class TestCategoryCounts:
    @pytest.fixture(scope="class")
    def summary(self, heads: pd.DataFrame) -> pd.DataFrame:
        return tables.head_category_summary(heads)

    def test_bars_are_the_shares_in_category_order(self, summary: pd.DataFrame) -> None:
        figure = figures.category_counts(summary)
        bars = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
        assert len(bars) == 4 * len(ORDER)
        shares = summary.set_index("model").loc[ORDER]
        expected = [share for name in CATEGORIES for share in shares[f"frac_{name}"]]
        np.testing.assert_allclose([bar.get_width() for bar in bars], expected)
        ends = [bar.get_x() + bar.get_width() for bar in bars[-len(ORDER) :]]
        np.testing.assert_allclose(ends, 1.0)

    def test_counts_are_written(self, summary: pd.DataFrame) -> None:
        figure = figures.category_counts(summary)
        written = [text.get_text() for text in figure.axes[1].texts if text.get_text() != "all"]
        columns = [*(f"n_{name}" for name in CATEGORIES), "n_heads_total"]
        frame = summary.set_index("model").loc[ORDER]
        assert written == [str(count) for column in columns for count in frame[column]]

    def test_intervals_are_drawn_where_the_table_has_them(self, summary: pd.DataFrame) -> None:
        figure = figures.category_counts(summary)
        lines = {c.get_gid(): c.get_segments() for c in figure.axes[2].collections}
        frame = summary.set_index("model").loc[ORDER]
        for category in ("ioi_only", "anti_only", "shared"):
            drawn = np.array([line[:, 0] for line in lines[f"interval_{category}"]])
            ends = frame[[f"frac_{category}_low", f"frac_{category}_high"]]
            np.testing.assert_allclose(drawn, ends.to_numpy())

    def test_without_intervals_there_is_no_panel_for_them(self, summary: pd.DataFrame) -> None:
        bare = summary.drop(columns=[c for c in summary if str(c).endswith(("_low", "_high"))])
        assert len(figures.category_counts(bare).axes) == 2

    def test_models_stand_in_order_from_the_top(self, summary: pd.DataFrame) -> None:
        axes = figures.category_counts(summary).axes[0]
        assert [label.get_text() for label in axes.get_yticklabels()] == ORDER
        bottom, top = axes.get_ylim()
        assert bottom > top


class TestCompetence:
    def test_marks_lie_at_the_clean_metric_and_are_hollow_if_not_competent(self) -> None:
        frame = tables.competence(MODELS)
        figure = figures.competence(frame)
        contrast = frame[frame["readout"] == "contrast"]
        titles = [axes.get_title(loc="left") for axes in figure.axes]
        assert titles == ["IOI", "anti-repetition,\nnames", "anti-repetition,\nlists", "induction"]
        for axes, task in zip(figure.axes, tables.TASKS, strict=True):
            rows = contrast[contrast["task"] == task].set_index("model")
            drawn = [line for line in axes.lines if line.get_gid() == "model"]
            assert len(drawn) == len(rows)
            for line in drawn:
                row = rows.loc[ORDER_OF_COMPETENCE[int(line.get_ydata()[0])]]
                assert line.get_xdata()[0] == row["clean_metric"]
                assert (line.get_markerfacecolor() == "white") == (not row["competent"])

    def test_intervals_are_the_ones_of_the_table(self) -> None:
        frame = tables.competence(MODELS[:1])
        axes = figures.competence(frame).axes[0]
        (interval,) = [segment for c in axes.collections for segment in c.get_segments()]
        row = frame[frame["task"] == "ioi"].iloc[0]
        np.testing.assert_allclose(interval[:, 0], [row["low"], row["high"]])


class TestDeltaScatter:
    @pytest.fixture(scope="class")
    def figure(self, heads: pd.DataFrame) -> Figure:
        return figures.delta_scatter(heads[heads["model"] == "mini_pythia_l"], TAU)

    def test_every_head_has_its_interval(self, figure: Figure, heads: pd.DataFrame) -> None:
        rows = heads[heads["model"] == "mini_pythia_l"]
        np.testing.assert_array_equal(positions(marks(figure.axes[0])), deltas(rows))
        (bars,) = figure.axes[0].containers
        across = np.array([segment[:, 0] for segment in bars[2][0].get_segments()])
        np.testing.assert_allclose(across.mean(axis=1), rows["delta_ioi"])
        np.testing.assert_allclose(np.ptp(across, axis=1), 2 * 1.96 * rows["se_ioi"])

    def test_the_box_is_tau(self, figure: Figure) -> None:
        (box,) = [patch for patch in figure.axes[0].patches if patch.get_gid() == "box"]
        np.testing.assert_allclose(box.get_bbox().get_points(), [[-TAU, -TAU], [TAU, TAU]])

    def test_names_are_heads_of_the_one_model(self, figure: Figure) -> None:
        named = [text.get_text() for text in annotations(figure)]
        assert named
        assert all(re.fullmatch(r"L\d+H\d+", name) for name in named)
        assert figure.axes[0].get_title(loc="left") == "mini_pythia_l: 96 heads"

    def test_two_models_are_refused(self, heads: pd.DataFrame) -> None:
        for draw in (lambda: figures.delta_scatter(heads, TAU), lambda: figures.layer_hist(heads)):
            with pytest.raises(ValueError, match="more than one model"):
                draw()


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


class TestBySize:
    def test_models_of_one_size_stand_side_by_side_in_order(self) -> None:
        at = places(pd.Series([100.0, 10.0, 100.0, 100.1]))
        assert at[1] == pytest.approx(10.0)
        assert at[0] < at[2] < at[3]
        assert np.log10(at[[0, 2, 3]]).mean() == pytest.approx(2.0, abs=1e-3)
        steps = np.diff(np.log10(at[[0, 2, 3]]))
        np.testing.assert_allclose(steps, steps[0])

    def test_one_model_stays_where_it_is(self) -> None:
        np.testing.assert_allclose(places(pd.Series([124.0])), [124.0])


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


# Without sizes in the table, a family keeps the order of the rows.
PRIMARY = ("zero", "all")
VARIANTS = [
    *(("mean", "all"), ("resample", "all")),
    *(("zero", "end"), ("mean", "end"), ("resample", "end")),
]
ORDER_OF_COMPETENCE = ["mini_gpt2_l", "mini_gpt2_s", "mini_pythia_l", "control_ioi"]


class TestAblationAgreement:
    @staticmethod
    def row(**changes: object) -> dict[str, object]:
        row = {"family": "gpt2", "model": "gpt2", "task": "ioi", "spearman": 0.5}
        row |= {"ablation_a": "zero", "positions_a": "all", "n_heads_compared": 144}
        return row | {"ablation_b": "mean", "positions_b": "all", "category_changes": 3} | changes

    def test_cells_are_the_correlations_with_the_primary_ablation(self) -> None:
        frame = tables.ablation_agreement(MODELS)
        figure = figures.ablation_agreement(frame, PRIMARY)
        models = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        first = frame[(frame["ablation_a"] == "zero") & (frame["positions_a"] == "all")]
        keys = ["task", "model", "ablation_b", "positions_b"]
        expected = first.set_index(keys)["spearman"]
        for axes, task in zip(figure.axes[:2], ("ioi", "anti_names"), strict=True):
            shown = np.asarray(axes.images[0].get_array())
            for (row, column), value in np.ndenumerate(shown):
                assert value == expected[task, models[row], *VARIANTS[column]]

    def test_the_primary_ablation_may_stand_on_either_side(self) -> None:
        turned = self.row(ablation_a="resample", positions_a="end", ablation_b="zero")
        axes = figures.ablation_agreement(pd.DataFrame([self.row(), turned]), PRIMARY).axes[0]
        assert [text.get_text() for text in axes.texts] == ["0.50", "–", "–", "–", "0.50"]

    def test_pairs_without_the_primary_ablation_are_left_out(self) -> None:
        other = self.row(ablation_a="mean", ablation_b="resample", spearman=0.1)
        axes = figures.ablation_agreement(pd.DataFrame([self.row(), other]), PRIMARY).axes[0]
        assert "0.10" not in [text.get_text() for text in axes.texts]

    def test_another_primary_ablation_is_compared_with_the_others(self) -> None:
        frame = tables.ablation_agreement(MODELS)
        figure = figures.ablation_agreement(frame, ("mean", "end"))
        names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        assert names == ["zero\nall", "mean\nall", "resample\nall", "zero\nend", "resample\nend"]
        assert figure._supxlabel.get_text().endswith("mean ablation at the last position")

    def test_negative_correlations_lie_inside_the_scale(self) -> None:
        figure = figures.ablation_agreement(pd.DataFrame([self.row(spearman=-0.4)]), PRIMARY)
        assert figure.axes[0].images[0].norm.vmin == -0.4
        assert figure.axes[0].texts[0].get_text() == "−0.40"


class TestAttributionAgreement:
    def test_marks_are_the_values_of_the_table(self) -> None:
        frame = tables.attribution_agreement(MODELS)
        figure = figures.attribution_agreement(frame)
        models = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        panels = itertools.product(("ioi", "anti_names"), ("spearman", "top_overlap"))
        for axes, (task, measure) in zip(figure.axes, panels, strict=True):
            rows = frame[frame["task"] == task]
            expected = rows.set_index(["ablation", "positions", "model"])[measure]
            drawn = [line for line in axes.lines if "-" in str(line.get_gid())]
            assert sum(len(line.get_xdata()) for line in drawn) == len(rows)
            for line in drawn:
                ablation, positions = line.get_gid().split("-")
                assert (line.get_markerfacecolor() == "none") == (positions == "end")
                for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True):
                    assert x == expected[ablation, positions, models[round(y)]]

    def test_chance_is_the_share_of_the_top_among_all_heads(self) -> None:
        frame = tables.attribution_agreement(MODELS[:1])
        axes = figures.attribution_agreement(frame).axes[1]
        (bars,) = [c for c in axes.collections if c.get_gid() == "chance"]
        assert bars.get_segments()[0][0, 0] == 20 / 96

    def test_values_that_are_not_defined_are_left_out(self) -> None:
        frame = tables.attribution_agreement(MODELS[:1]).assign(spearman=np.nan)
        to_svg(figures.attribution_agreement(frame))

    def test_negative_correlations_lie_inside_the_axis(self) -> None:
        frame = tables.attribution_agreement(MODELS[:1]).assign(spearman=-0.4)
        assert figures.attribution_agreement(frame).axes[0].get_xlim()[0] < -0.4


class TestTransfer:
    @pytest.fixture(scope="class")
    def transfer(self) -> dict[str, pd.DataFrame]:
        return tables.transfer(MODELS)

    def test_cells_are_mean_ranks_base_by_target(self, transfer: dict[str, pd.DataFrame]) -> None:
        frame = transfer["transfer_summary"]
        figure = figures.ioi_transfer_summary(frame)
        rows = frame[frame["task"] == "ioi"].set_index(["base_model", "tgt_model"])
        panels = [axes for axes in figure.axes if axes.images]
        models = [label.get_text() for label in panels[-1].get_xticklabels()]
        assert sorted(models) == sorted(ORDER)
        names = ("mean_frac_rank", "depth_frac_rank", "matched_frac_rank")
        for axes, name in zip(panels, names, strict=True):
            shown = np.asarray(axes.images[0].get_array().filled(np.nan), dtype=float)
            assert [label.get_text() for label in axes.get_yticklabels()] == models
            for (i, base), (j, target) in itertools.product(enumerate(models), repeat=2):
                value = np.nan if base == target else rows.loc[(base, target), name]
                np.testing.assert_equal(shown[i, j], value)

    def test_marks_are_where_p_is_small(self, transfer: dict[str, pd.DataFrame]) -> None:
        frame = transfer["transfer_summary"].copy()
        frame[["p", "p_same_layer"]] = 0.5
        rows = frame[frame["task"] == "ioi"].index
        frame.loc[rows[:3], "p"] = 0.01
        frame.loc[rows[:1], "p_same_layer"] = 0.01
        axes = figures.ioi_transfer_summary(frame).axes[0]
        drawn = {c.get_gid(): len(np.asarray(c.get_offsets())) for c in axes.collections}
        assert (drawn["ring"], drawn["disc"]) == (2, 1)

    def test_pairs_stand_in_order_with_their_intervals(
        self, transfer: dict[str, pd.DataFrame]
    ) -> None:
        frame = transfer["transfer_summary"]
        axes = next(a for a in figures.ioi_transfer_summary(frame).axes if not a.images)
        rows = frame[frame["task"] == "ioi"].sort_values("mean_frac_rank", kind="stable")
        marks = [line for line in axes.lines if line.get_gid() == "pairs"]
        drawn = {y: x for line in marks for x, y in zip(*line.get_data(), strict=True)}
        np.testing.assert_array_equal([drawn[y] for y in sorted(drawn)], rows["mean_frac_rank"])
        (null,) = [c for c in axes.collections if c.get_gid() == "null"]
        ends = np.array([segment[:, 0] for segment in null.get_segments()])
        np.testing.assert_array_equal(ends, rows[["null_low", "null_high"]])

    def test_targets_that_are_not_competent_are_hollow(
        self, transfer: dict[str, pd.DataFrame]
    ) -> None:
        frame = transfer["transfer_summary"]
        axes = next(a for a in figures.ioi_transfer_summary(frame).axes if not a.images)
        hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
        ioi = frame[frame["task"] == "ioi"]
        assert sum(len(line.get_xdata()) for line in hollow) == (~ioi["tgt_competent"]).sum()

    def test_fates_are_shares_of_the_ioi_like_heads(
        self, transfer: dict[str, pd.DataFrame]
    ) -> None:
        frame = transfer["head_divergence"]
        axes = figures.ioi_divergence(frame).axes[0]
        bases = [label.get_text() for label in axes.get_yticklabels()]
        for fate in ("conserved", "inverted", "lost", "missing"):
            bars = [bar for bar in axes.patches if bar.get_gid() == f"share-{fate}"]
            for base, bar in zip(bases, bars, strict=True):
                found = frame.loc[frame["base_model"] == base, "divergence"]
                assert bar.get_width() == pytest.approx((found == fate).mean(), abs=1e-12)
        for kind in ("share", "chance"):
            bars = [bar for bar in axes.patches if str(bar.get_gid()).startswith(kind)]
            assert sum(bar.get_width() for bar in bars) == pytest.approx(len(bases))


class TestZooTraining:
    def test_curves_are_the_losses(self) -> None:
        curves = tables.zoo_curves(MODELS[:2])
        figure = figures.zoo_training(curves, tables.zoo_accuracy(MODELS[:2]))
        panel = next(axes for axes in all_axes(figure) if axes.get_title("left") == "mini_gpt2_l")
        rows = curves[curves["model"] == "mini_gpt2_l"]
        assert len(panel.lines) == rows["task"].nunique()
        for line, task in zip(panel.lines, tables.TASKS, strict=True):
            expected = rows[rows["task"] == task]
            np.testing.assert_array_equal(line.get_xdata(), expected["step"])
            np.testing.assert_array_equal(line.get_ydata(), expected["loss"])

    def test_accuracies_are_written_with_what_the_model_was_trained_for(self) -> None:
        accuracy = tables.zoo_accuracy(MODELS[-1:])
        figure = figures.zoo_training(tables.zoo_curves(MODELS[-1:]), accuracy)
        written = [text.get_text() for text in all_axes(figure)[-1].texts]
        assert written[0] == "99.5 %"
        assert written[1] == "50.0 %  (random answers)"
        assert written[2] == "50.0 %  (not trained)"

    def test_either_table_may_be_empty(self) -> None:
        curves, accuracy = tables.zoo_curves(MODELS[:1]), tables.zoo_accuracy(MODELS[:1])
        assert len(all_axes(figures.zoo_training(curves, accuracy.head(0)))) == 1
        assert len(all_axes(figures.zoo_training(curves.head(0), accuracy))) == 1


def all_axes(figure: Figure) -> list[Axes]:
    return [axes for part in figure.subfigs for axes in part.axes]


class TestOrders:
    def test_models_by_family_then_size(self, heads: pd.DataFrame) -> None:
        assert order_models(heads) == ORDER
        assert order_models(heads.sample(frac=1, random_state=0)) == ORDER

    def test_models_without_sizes_keep_the_order_of_the_rows(self, heads: pd.DataFrame) -> None:
        assert order_models(heads.drop(columns="params_m")) == ORDER_OF_COMPETENCE

    def test_a_missing_size_comes_last_in_its_family(self, heads: pd.DataFrame) -> None:
        unknown = heads.copy()
        unknown.loc[unknown["model"] == "mini_gpt2_s", "params_m"] = None
        assert order_models(unknown)[:2] == ["mini_gpt2_l", "mini_gpt2_s"]

    def test_unknown_families_follow_with_looks_of_their_own(self) -> None:
        looks = family_looks(["zeta", "control", "alpha", "gpt2"])
        assert list(looks) == ["gpt2", "control", "alpha", "zeta"]
        assert len({look.marker for look in looks.values()}) == 4
        assert len({look.colour for look in looks.values()}) == 4

    def test_families_differ_in_colour_and_marker(self) -> None:
        looks = [look for look in family_looks(figures.style.FAMILIES).values()]
        assert len({look.colour for look in looks}) == len(looks)
        assert len({look.marker for look in looks}) == len(looks)

    def test_categories_differ_in_grey_print(self) -> None:
        weights = np.array([0.2126, 0.7152, 0.0722])
        greys = sorted(float(weights @ to_rgba(c.colour)[:3]) for c in CATEGORIES.values())
        assert min(np.diff(greys)) > 0.12


class TestSymlog:
    def test_ticks_hold_zero_and_tau_and_keep_their_distance(self) -> None:
        assert symlog_ticks(0.05, 6.0, 4.0) == [-5, -1, -0.2, -0.05, 0, 0.05, 0.2, 1, 5]

    def test_limits_hold_the_values_and_tau(self) -> None:
        low, high = symlog_limits(np.array([-3.0, 0.001]), TAU)
        assert low < -3.0
        assert high > 2 * TAU


EMPTY = {
    "all_heads_phase_space": lambda: figures.all_heads_phase_space(
        tables.classified_heads(MODELS[:1]).head(0), TAU
    ),
    "family_grid": lambda: figures.family_grid(tables.classified_heads(MODELS[:1]).head(0), TAU),
    "category_counts": lambda: figures.category_counts(
        tables.head_category_summary(tables.classified_heads(MODELS[:1])).head(0)
    ),
    "competence": lambda: figures.competence(tables.competence(MODELS[:1]).head(0)),
    "ablation_agreement": lambda: figures.ablation_agreement(
        tables.ablation_agreement(MODELS[:1]).head(0), PRIMARY
    ),
    "attribution_agreement": lambda: figures.attribution_agreement(
        tables.attribution_agreement(MODELS[:1]).head(0)
    ),
    "ioi_transfer_summary": lambda: figures.ioi_transfer_summary(
        tables.transfer(MODELS[:1])["transfer_summary"]
    ),
    "ioi_divergence": lambda: figures.ioi_divergence(
        tables.transfer(MODELS[:1])["head_divergence"]
    ),
    "delta_scatter": lambda: figures.delta_scatter(
        tables.classified_heads(MODELS[:1]).head(0), TAU
    ),
    "layer_hist": lambda: figures.layer_hist(tables.classified_heads(MODELS[:1]).head(0)),
    "corr_vs_scale_cross_family": lambda: figures.corr_vs_scale_cross_family(
        tables.corr_vs_scale(MODELS[:1]).head(0)
    ),
    "strong_head_scaling": lambda: figures.strong_head_scaling(
        tables.strong_head_scaling(tables.classified_heads(MODELS[:1])).head(0), TAU
    ),
    "zoo_training": lambda: figures.zoo_training(
        tables.zoo_curves(MODELS[:1]).head(0), tables.zoo_accuracy(MODELS[:1]).head(0)
    ),
}


@pytest.mark.parametrize("name", list(EMPTY))
def test_an_empty_table_gives_a_figure_that_says_so(name: str) -> None:
    (text,) = EMPTY[name]().texts
    assert text.get_text().startswith("Nothing to draw: ")


def test_a_missing_column_is_named() -> None:
    heads = tables.classified_heads(MODELS[:1]).drop(columns="strength")
    with pytest.raises(ValueError, match="all_heads_phase_space: the table has no column strength"):
        figures.all_heads_phase_space(heads, TAU)


def test_the_same_table_gives_the_same_file(heads: pd.DataFrame, phase_space: Figure) -> None:
    again = figures.all_heads_phase_space(heads, TAU)
    first = to_svg(phase_space)
    assert to_svg(phase_space) == first
    assert to_svg(again) == first
    assert figures.to_png(phase_space).startswith(b"\x89PNG")


def test_settings_of_the_user_neither_matter_nor_change() -> None:
    frame = tables.competence(MODELS[:1])
    plain = to_svg(figures.competence(frame))
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert to_svg(figures.competence(frame)) == plain
        assert mpl.rcParams["font.size"] == 30


def test_pyplot_is_never_imported() -> None:
    code = "import sys, circuit_scaling.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(-1.234, "−1.23"), (-0.001, "0.00"), (2.0, "2.00"), (float("nan"), "–"), (None, "–")],
)
def test_numbers_have_a_real_minus_and_missing_is_a_dash(value: float, text: str) -> None:
    assert number(value) == text
