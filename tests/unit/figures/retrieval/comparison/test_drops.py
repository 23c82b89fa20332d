"""Figures of accuracies without heads show what findings and results say."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.figures.retrieval.comparison import curves
from circuit_scaling.figures.retrieval.comparison.looks import Looks
from tests.helpers.artists import points, segments
from tests.helpers.compared_figures import KINDS, Case


class TestDrops:
    def test_curves_are_mean_accuracies_from_the_clean_model_on(self, mini: Case) -> None:
        figure = mini.figure("figure8_option_a_by_question")
        assert [axes.get_title(loc="left") for axes in figure.axes] == [
            "state of incorporation",
            "year of incorporation",
            "number of employees",
            "state of headquarters",
        ]
        rows = mini.results
        here = rows[(rows["question"] == "inc_year") & (rows["method"] == "wu24")]
        expected = [here["baseline_accuracy"].mean()]
        for k in (4, 8, 12):
            hero = here[(here["set_type"] == "hero") & (here["n_heads"] == k)]
            expected.append(hero["accuracy"].mean())
        np.testing.assert_allclose(points(figure.axes[1], "wu24")[:, 1], expected)
        np.testing.assert_allclose(points(figure.axes[1], "wu24")[:, 0], [0, 4, 8, 12], atol=0.4)
        (random,) = points(figure.axes[1], "wu24-random")  # of 12 heads alone, without a line
        assert random[1] == pytest.approx(here.loc[here["set_type"] == "random", "accuracy"].mean())
        assert points(figure.axes[1], "floor")[0, 1] == pytest.approx(0.16)

    def test_intervals_are_those_of_the_drop_below_the_clean_model(self, mini: Case) -> None:
        axes = mini.figure("figure8_option_b_by_method").axes[2]
        drop = mini.finding("drop_at_k", "qrhead|hq_state|8")
        rows = mini.results
        here = (rows["method"] == "qrhead") & (rows["question"] == "hq_state")
        clean = rows.loc[here, "baseline_accuracy"].mean()
        ends = sorted(clean - drop[["ci_low", "ci_high"]].astype(float))
        drawn = [sorted(line[:, 1]) for line in segments(axes, "interval")]
        assert len(drawn) == 4 * (3 + 1)  # questions times sets of the best heads and a random one
        assert any(np.allclose(line, ends) for line in drawn)

    def test_without_intervals_lines_are_standard_deviations_and_missing_ones_are_not_drawn(
        self, mini: Case
    ) -> None:
        rows = mini.drawn["model_comparison"][1]
        looks = Looks.of(mini.results)
        bare = rows.assign(ci_low=np.nan, ci_high=np.nan)
        drawn = segments(curves.model_comparison(bare, looks).axes[0], "interval")
        half = np.ptp(drawn[:, :, 1], axis=1) / 2
        hero = rows[rows["set_type"] == "hero"].sort_values(["model", "k"])
        np.testing.assert_allclose(sorted([*half]), sorted(rows["sd"]))
        assert len(hero) == 6 and len(drawn) == 8
        some = rows.assign(ci_low=rows["ci_low"].where(rows["k"] == 4))
        assert len(segments(curves.model_comparison(some, looks).axes[0], "interval")) == 2
        none = bare.assign(sd=np.nan)
        assert not len(segments(curves.model_comparison(none, looks).axes[0], "interval"))

    def test_drops_by_question_and_kind_are_the_findings(self, mini: Case) -> None:
        axes = mini.figure("accuracy_drop_summary").axes[0]
        expected = [mini.finding("drop_at_k", f"wu24|{question}|12")["value"] for question in KINDS]
        np.testing.assert_allclose(points(axes, "wu24")[:, 1], expected)
        panels = mini.figure("q1_equal_impact").axes
        assert [axes.get_title(loc="left") for axes in panels] == ["4 heads", "8 heads", "12 heads"]
        expected = [mini.finding("q1_mean_drop", f"{question}|8")["value"] for question in KINDS]
        np.testing.assert_allclose(points(panels[1], "mean")[:, 1], expected)
        assert len(points(panels[1], "drops")) == 4 * 12
        axes = mini.figure("q3_ablation_effectiveness").axes[0]
        pooled = points(axes, "numerical")[-1, 1]
        assert pooled == mini.finding("q3_drop_mean", "numerical")["value"]
        sd = mini.finding("q3_drop_sd", "numerical")["value"]
        band = segments(axes, "sd")[3]
        np.testing.assert_allclose(band[:, 1], [pooled - sd, pooled + sd])

    def test_lengths_have_a_panel_per_question_and_one_for_all(self, mini: Case) -> None:
        axes = mini.figure("token_length_effect").axes
        assert len(axes) == 5
        expected = [mini.finding("drop_at_k_by_length", f"256|{k}")["value"] for k in (4, 8, 12)]
        np.testing.assert_allclose(points(axes[4], "256")[1:, 1], expected)
