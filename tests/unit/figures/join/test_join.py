"""Figures of the joined models: competence, and where ablations and estimates disagree."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from circuit_scaling import figures
from circuit_scaling.figures.style import to_svg
from tests.helpers import synthetic_tables as tables
from tests.helpers.drawn import MODELS, ORDER_OF_COMPETENCE


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


PRIMARY = ("zero", "all")
VARIANTS = [
    *(("mean", "all"), ("resample", "all")),
    *(("zero", "end"), ("mean", "end"), ("resample", "end")),
]


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
        assert [text.get_text() for text in axes.texts] == ["0.50", "0.50"]

    def test_an_ablation_that_one_model_lacks_is_a_dash_and_one_that_all_lack_is_no_column(
        self,
    ) -> None:
        other = self.row(model="other", positions_b="end")
        axes = figures.ablation_agreement(pd.DataFrame([self.row(), other]), PRIMARY).axes[0]
        assert [text.get_text() for text in axes.texts].count("–") == 2
        assert [label.get_text() for label in axes.get_xticklabels()] == ["mean\nall", "mean\nend"]

    def test_pairs_without_the_primary_ablation_are_left_out(self) -> None:
        other = self.row(ablation_a="mean", ablation_b="resample", spearman=0.1)
        axes = figures.ablation_agreement(pd.DataFrame([self.row(), other]), PRIMARY).axes[0]
        assert "0.10" not in [text.get_text() for text in axes.texts]

    def test_other_tasks_are_drawn_where_none_of_the_study_was_compared(self):
        frame = pd.DataFrame([self.row(task="induction")])
        axes = figures.ablation_agreement(frame, PRIMARY).axes[0]
        assert axes.get_title(loc="left").lower() == "induction"

    def test_another_primary_ablation_is_compared_with_the_others(self) -> None:
        frame = tables.ablation_agreement(MODELS)
        figure = figures.ablation_agreement(frame, ("mean", "end"))
        names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
        assert names == ["zero\nall", "mean\nall", "resample\nall", "zero\nend", "resample\nend"]
        assert figure.axes[-1].get_xlabel().endswith("mean ablation at the last position")

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
