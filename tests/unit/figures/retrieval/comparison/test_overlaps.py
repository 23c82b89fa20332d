"""Figures of overlaps show what the findings say, with chance and ceiling."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.figures.retrieval.comparison import matrices
from circuit_scaling.figures.retrieval.comparison.looks import Looks
from tests.helpers.artists import every_segment, image, names, points, segments, words
from tests.helpers.compared_figures import Case


class TestOverlaps:
    def test_pairs_stand_in_the_matrix_and_beside_it_with_chance_and_ceiling(
        self, mini: Case
    ) -> None:
        left, right = mini.figure("method_overlap").axes
        values = np.asarray(left.images[0].get_array(), dtype=float)
        value = mini.finding("method_overlap", "wu24|qrhead")["value"]
        assert values[1, 2] == values[2, 1] == value
        assert np.isnan(np.diag(values)).all()
        shown = names(right)
        assert shown[2] == "Wu24 – QRHead"
        np.testing.assert_allclose(points(right, "overlap")[2], [value, 2])
        chance = mini.finding("method_overlap_chance", "wu24|qrhead")["value"]
        np.testing.assert_allclose(segments(right, "chance")[2][:, 0], chance)
        ceiling = np.sqrt(0.81 * 0.82)  # of the two methods
        np.testing.assert_allclose(segments(right, "ceiling")[2][:, 0], ceiling)
        assert not len(every_segment(mini.figure("method_head_overlap"), "ceiling"))

    def test_questions_are_told_apart_by_their_kind(self, mini: Case) -> None:
        _, right = mini.figure("q2_head_overlap_questions").axes
        shown = names(right)
        numerical = points(right, "within_numerical")
        assert [shown[int(y)] for y in numerical[:, 1]] == [
            "year of incorporation – number of employees"
        ]
        categorical = points(right, "within_categorical")
        assert [shown[int(y)] for y in categorical[:, 1]] == [
            "state of incorporation – state of headquarters"
        ]
        assert len(points(right, "between")) == 4

    def test_blocks_of_matrices_are_methods_by_models(self, mini: Case) -> None:
        values = image(mini.figure("question_overlap_heatmaps"), "overlaps")
        assert values.shape == (3 * 5 - 1, 2 * 5 - 1)
        group = "qrhead|mini_llama_instruct|inc_state|hq_state"
        value = mini.finding("question_overlap", group)["value"]
        assert values[10, 8] == values[13, 5] == value
        assert np.isnan(values[4]).all() and np.isnan(values[:, 4]).all()
        lengths = image(mini.figure("token_length_overlap"), "overlaps")
        group = "summed_attention|mini_llama|96|256"
        assert lengths[0, 1] == mini.finding("length_overlap", group)["value"]

    def test_many_models_are_averaged(self) -> None:
        models = [f"m{place}" for place in range(28)]
        keys = {"method": "a", "question": "x", "chance": 0.1}
        rows = pd.DataFrame(
            [{**keys, "model": m, "other": "y", "value": i / 100} for i, m in enumerate(models)]
        )
        asked = pd.DataFrame({"model": models, "family": "f", "method": "a", "token_length": 0})
        looks = Looks.of(asked.assign(question="x"), asked.assign(question="y"))
        figure = matrices.question_overlap_heatmaps(rows, looks)
        assert "mean of 28 models" in words(figure)
        assert image(figure, "overlaps")[0, 1] == pytest.approx(0.135)
        few = matrices.question_overlap_heatmaps(rows[rows["model"].isin(["m3", "m5"])], looks)
        assert image(few, "overlaps")[0, [1, 4]].tolist() == [0.03, 0.05]

    def test_the_summary_has_spread_interval_chance_and_ceiling(self, mini: Case) -> None:
        axes = mini.figure("overlap_summary").axes[0]
        found = [
            mini.finding("f7_overlap_mean", axis)["value"]
            for axis in ("question", "token_length", "model", "method")
        ]
        np.testing.assert_allclose(points(axes, "overlap")[:, 0], found)
        sd = mini.finding("f7_overlap_sd", "model")["value"]
        np.testing.assert_allclose(
            segments(axes, "sd")[2][:, 0], [max(found[2] - sd, 0), min(found[2] + sd, 1)]
        )
        np.testing.assert_allclose(segments(axes, "chance")[0][:, 0], 0.06)
        np.testing.assert_allclose(segments(axes, "ceiling")[:, 0, 0], 0.81)
