"""Every figure of the comparison is drawn, whatever methods, models and questions there are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.figures.retrieval.comparison import curves, heads, overlaps, ranks
from circuit_scaling.figures.retrieval.comparison.draw import draw_comparison
from circuit_scaling.figures.retrieval.comparison.looks import Looks
from circuit_scaling.figures.style import METHODS
from tests.helpers import synthetic_comparison as synthetic
from tests.helpers.artists import image, names, points, words
from tests.helpers.compared_figures import KINDS, TOP, Case, case

STUDY_NAMES = {
    *("figure8_option_a_by_question", "figure8_option_b_by_method", "figure8_option_c_grid"),
    *("accuracy_drop_summary", "q1_equal_impact", "q2_head_overlap_questions"),
    *("q2_numerical_vs_categorical", "q3_ablation_effectiveness", "q4_head_patterns"),
    *("method_head_overlap", "method_unique_heads", "model_comparison", "token_length_effect"),
    *("consensus_heads", "method_disagreement", "question_specialists"),
    *("instruct_vs_base_differences", "head_volatility", "score_dominance", "overlap_summary"),
    *("question_overlap_heatmaps", "token_length_overlap", "method_overlap", "model_overlap"),
    *("universal_heads", "universal_heads_by_method", "layer_distribution_by_method"),
}


def test_every_figure_of_the_study_is_drawn_with_the_frame_that_it_shows(mini: Case) -> None:
    # The study's qr_wu24_overlap is one panel of method_pair_heads.
    assert set(mini.drawn) == STUDY_NAMES | {"method_pair_heads"}
    for name, (figure, shown) in mini.drawn.items():
        assert figure.axes, name
        assert len(shown), name


class TestOtherShapes:
    def test_two_detectors_on_many_models_without_questions_and_lengths(self) -> None:
        models = [f"model_{i}_{kind}" for i in range(4) for kind in ("base", "instruct")][:7]
        many = case(
            synthetic.Compared(
                methods=("mine", "theirs"),
                models=models,
                questions=("all",),
                lengths=(0,),
                shape=(5, 3),
                ks=(2,),
                random_ks=(),
            )
        )
        for name in (
            "question_overlap_heatmaps",
            "token_length_overlap",
            "q2_numerical_vs_categorical",
        ):
            assert words(many.figure(name)).startswith("Nothing to draw: "), name
        rows = many.figure("model_comparison").axes[0]
        assert names(rows) == models
        value = many.finding("drop_at_k_by_model", "model_2_base|2")["value"]
        np.testing.assert_allclose(points(rows, "hero")[4], [value, 4])
        assert image(many.figure("q4_head_patterns"), "all").shape == (5, 3)
        (title,) = (axes.get_title(loc="left") for axes in many.figure("token_length_effect").axes)
        assert title == "all\nquestions"

    def test_tables_without_rows_give_sentences(self, mini: Case) -> None:
        findings, rankings, results = (table.head(0) for table in mini[:3])
        drawn = draw_comparison(findings, rankings, results, TOP, KINDS)
        assert set(drawn) == set(mini.drawn)
        for name, (figure, shown) in drawn.items():
            assert words(figure).startswith("Nothing to draw: "), name
            assert shown.empty

    def test_a_missing_column_is_named(self, mini: Case) -> None:
        looks = Looks.of(mini.rankings)
        for draw, name in (
            (overlaps.method_overlap, "method_overlap"),
            (ranks.consensus_heads, "consensus_heads"),
            (heads.universal_heads_by_method, "universal_heads_by_method"),
            (curves.token_length_effect, "token_length_effect"),
        ):
            with pytest.raises(ValueError, match="the table has no column value"):
                draw(mini.drawn[name][1].drop(columns="value"), looks)

    def test_unknown_ids_have_looks_of_their_own_whatever_the_order(self) -> None:
        table = pd.DataFrame(
            [
                {"family": "f", "model": m, "method": d, "question": q, "token_length": n}
                for m, d, q, n in (
                    ("b", "zeta", "ceo", 4096),
                    ("a", "wu24", "hq_state", 512),
                    ("b", "alpha", "all", 0),
                )
            ]
        )
        looks = Looks.of(table)
        assert list(looks.methods) == ["wu24", "alpha", "zeta"]
        assert list(looks.questions) == ["hq_state", "all", "ceo"]
        assert list(looks.lengths) == [0, 512, 4096]
        assert looks.lengths[0].label == "length not told"
        assert looks.methods["wu24"] == METHODS["wu24"]
        assert len({look.colour for look in looks.methods.values()}) == 3
        assert Looks.of(table[::-1]).methods == looks.methods
        assert Looks.of(table[::-1]).questions == looks.questions
