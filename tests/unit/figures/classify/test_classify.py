"""Figures of the categories: the phase space, panels, counts, a model by itself."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from circuit_scaling import figures
from circuit_scaling.figures.style import CATEGORIES
from tests.helpers import synthetic_tables as tables
from tests.helpers.drawn import ORDER, TAU, annotations, box_of, deltas, marks, positions


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
        assert "5 more without an effect" in axes.get_title(loc="left")

    def test_missing_standard_errors_draw_no_bar(self, heads: pd.DataFrame) -> None:
        bare = heads.assign(se_ioi=np.nan, se_anti_names=np.nan)
        (bars,) = figures.all_heads_phase_space(bare, TAU).axes[0].containers
        lengths = [np.ptp(segment, axis=0).max() for segment in bars[2][0].get_segments()]
        assert max(lengths) == 0


class TestFamilyGrid:
    def test_one_panel_per_model_in_order_with_its_own_heads(self, heads: pd.DataFrame) -> None:
        figure = figures.family_grid(heads, TAU)
        panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
        assert [axes.get_title(loc="left").strip() for axes in panels] == ORDER
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
        assert figure.axes[0].get_title(loc="left").strip() == "mini_pythia_l: 96 heads"

    def test_two_models_are_refused(self, heads: pd.DataFrame) -> None:
        for draw in (lambda: figures.delta_scatter(heads, TAU), lambda: figures.layer_hist(heads)):
            with pytest.raises(ValueError, match="more than one model"):
                draw()
