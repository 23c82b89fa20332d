"""The figures of the retrieval pipelines show what their tables say, and no more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuit_scaling.figures.retrieval.masking import (
    masking,
    masking_overview,
    of_every_size,
)
from circuit_scaling.figures.retrieval.rankings import mean_scores, score_map, strongest
from tests.helpers import synthetic_retrieval as retrieval

INSTRUCT, DUMB, MINI = retrieval.INSTRUCT, retrieval.DUMB, retrieval.MINI


@pytest.fixture(scope="module")
def rankings() -> pd.DataFrame:
    return retrieval.head_rankings([INSTRUCT])


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return retrieval.masking_summary([MINI, INSTRUCT, DUMB])


def few(summary: pd.DataFrame) -> pd.DataFrame:
    """Two questions and two lengths: panels take their time."""
    kept = summary["question"].isin(["inc_state", "hq_state", "all"])
    return summary[kept & summary["token_length"].isin([96, 256])].copy()


def lines(axes: Axes, gid: str) -> list[np.ndarray]:
    return [np.asarray(line.get_xydata()) for line in axes.lines if line.get_gid() == gid]


def words(figure: Figure) -> str:
    axes = [text.get_text() for part in figure.axes for text in part.texts]
    return " ".join([*axes, *(text.get_text() for text in figure.texts)])


class TestScores:
    def test_cells_are_means_over_what_is_answered(self, rankings: pd.DataFrame) -> None:
        figure = score_map(rankings)
        maps = [image for axes in figure.axes for image in axes.images if image.get_gid()]
        for method, image in zip(("summed_attention", "wu24", "qrhead"), maps, strict=True):
            values = np.asarray(image.get_array())
            here = rankings[(rankings["method"] == method) & rankings["answered"]]
            expected = here.groupby(["layer", "head"])["score"].mean()
            np.testing.assert_allclose(values, expected.to_numpy().reshape(4, 16))
        assert "mean over the 12 of 16 questions × lengths" in figure.get_suptitle()

    def test_the_strongest_heads_are_framed_and_named(self, rankings: pd.DataFrame) -> None:
        axes, *_ = score_map(rankings).axes
        scores = mean_scores(rankings)
        best = strongest(scores[scores["method"] == "summed_attention"])
        frames = [patch for patch in axes.patches if patch.get_gid() == "named"]
        corners = {(frame.get_x() + 0.5, frame.get_y() + 0.5) for frame in frames}
        assert corners == set(zip(best["head"], best["layer"], strict=True))
        assert best["score"].is_monotonic_decreasing
        assert len(best) == 5

    def test_a_model_that_answers_nothing_is_drawn_and_says_so(self) -> None:
        rankings = retrieval.head_rankings([DUMB])
        figure = score_map(rankings)
        assert "it answers none of them" in figure.get_suptitle()
        assert "no head has a score" in words(figure)  # Wu24 averages over right answers
        empty = score_map(rankings.assign(score=np.nan))
        assert "Nothing to draw" in words(empty)


class TestMasking:
    def test_curves_are_the_accuracies_and_begin_at_the_clean_model(
        self, summary: pd.DataFrame
    ) -> None:
        rows = few(summary[summary["model"] == "mini_llama"])
        figure = masking(rows)
        first = rows[(rows["question"] == "inc_state") & (rows["token_length"] == 96)]
        (axes, *_) = figure.axes
        for method in ("summed_attention", "wu24", "qrhead"):
            of_method = first[first["method"] == method]
            (curve,) = lines(axes, method)
            expected = [of_method["baseline_accuracy"].iloc[0], *of_method["accuracy"]]
            np.testing.assert_allclose(curve[:, 1], expected)
            np.testing.assert_allclose(curve[:, 0], [0, 1, 2, 3], atol=0.05)
        (random,) = lines(axes, "random")  # shared by the methods: drawn once
        np.testing.assert_allclose(random[1:, 1], of_method["random_accuracy"])
        (floor,) = lines(axes, "floor")
        assert floor[0, 1] == 0.3
        assert len(figure.axes) == 3 * 2

    def test_random_sets_matched_to_a_method_are_drawn_for_each(
        self, summary: pd.DataFrame
    ) -> None:
        rows = few(summary[summary["model"] == "mini_llama"])
        rows.loc[rows["method"] == "wu24", "random_accuracy"] -= 0.2
        assert len(lines(masking(rows).axes[0], "random")) == 3

    def test_random_sets_of_one_size_have_no_line_to_the_others(self) -> None:
        rows = few(retrieval.masking_summary([MINI], random_ks="largest"))
        (random,) = lines(masking(rows).axes[0], "random")
        assert random[:, 0].tolist() == [3]

    def test_what_the_clean_model_does_not_answer_is_marked(self, summary: pd.DataFrame) -> None:
        figure = masking(few(summary[summary["model"] == "mini_llama_instruct"]))
        assert words(figure).count("not answered") == 2
        assert [bool(axes.texts) for axes in figure.axes] == [False] * 2 + [True] * 2 + [False] * 2

    def test_the_overview_shows_the_most_heads_of_answered_questions(
        self, summary: pd.DataFrame
    ) -> None:
        figure = masking_overview(summary)
        assert len(figure.axes) == 4
        for axes, length in zip(figure.axes, (96, 128, 192, 256), strict=True):
            here = summary["token_length"].eq(length) & summary["answered"]
            shown = summary[here & summary["question"].eq("all") & summary["n_heads"].eq(3)]
            assert len(shown) == 2 * 3
            marks = sorted(point[0, 0] for point in lines(axes, "top"))
            np.testing.assert_allclose(marks, sorted(shown["accuracy"]))
            clean = [c for c in axes.collections if c.get_gid() == "clean"]
            assert len(clean) == 2
        assert words(figure).count("not answered") == 2  # asked at two of the lengths
        assert words(figure).count("not asked") == 2

    def test_the_first_ablation_is_drawn(self) -> None:
        both = retrieval.masking_summary([MINI], ablations=("mean", "zero"))
        assert set(of_every_size(both)["ablation"]) == {"zero"}
        alone = both[both["ablation"] == "mean"]
        assert set(of_every_size(alone)["ablation"]) == {"mean"}

    @pytest.mark.parametrize("draw", [masking, masking_overview])
    def test_sets_that_do_not_exist_are_not_drawn(self, draw, summary: pd.DataFrame) -> None:
        assert "Nothing to draw" in words(draw(summary.assign(accuracy=np.nan)))
        with pytest.raises(ValueError, match="no column floor"):
            draw(summary.drop(columns="floor"))
