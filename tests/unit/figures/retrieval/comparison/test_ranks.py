"""Figures of ranks show what findings and rankings say."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.figures.retrieval.comparison.rows import of_finding
from circuit_scaling.figures.style import METHODS
from tests.helpers.artists import names, points, segments
from tests.helpers.compared_figures import KINDS, TOP, Case


class TestRanks:
    def test_consensus_heads_are_bold_and_sorted_by_their_worst_rank(self, mini: Case) -> None:
        axes = mini.figure("consensus_heads").axes[0]
        worst = []
        for label in axes.get_yticklabels():
            head = label.get_text()
            of_head = [mini.finding("f1_mean_rank", f"{m}|{head}")["value"] for m in METHODS]
            worst.append(max(of_head))
            agreed = mini.finding("f1_consensus", head)["value"] == 1
            assert (label.get_fontweight() == "bold") == agreed
        assert worst == sorted(worst)
        first = mini.finding("f1_mean_rank", f"wu24|{names(axes)[0]}")["value"]
        np.testing.assert_allclose(points(axes, "wu24")[0], [first, 0])

    def test_disagreement_is_largest_first(self, mini: Case) -> None:
        axes = mini.figure("method_disagreement").axes[0]
        lines = [
            [mini.finding("f1_mean_rank", f"{m}|{head}")["value"] for m in METHODS]
            for head in names(axes)
        ]
        spread = [max(line) - min(line) for line in lines]
        assert spread == sorted(spread, reverse=True)

    def test_a_specialist_is_best_for_its_own_question(self, mini: Case) -> None:
        shown = mini.drawn["question_specialists"][1]
        axes = mini.figure("question_specialists").axes[0]
        head = names(axes)[0]
        of_head = {
            question: mini.finding("f3_specialist_rank", f"summed_attention|{head}|{question}")[
                "value"
            ]
            for question in KINDS
        }
        own = min(of_head, key=lambda question: of_head[question])
        assert of_head[own] <= TOP
        assert of_head[own] in points(axes, f"{own}-own")[:, 0]
        for question in set(KINDS) - {own}:
            assert of_head[question] in points(axes, question)[:, 0]
        assert shown.groupby(["method", "head"])["specialist"].sum().eq(1).all()

    def test_changes_and_volatility_are_the_findings(self, mini: Case) -> None:
        axes = mini.figure("instruct_vs_base_differences").axes[1]
        for x, y in points(axes, "Wu24"):
            assert x == mini.finding("f4_rank_change", f"wu24|{names(axes)[int(y)]}")["value"]
        every = of_finding(mini.findings, "f4_rank_change")
        sizes = every.loc[every["method"] == "wu24", "value"].abs()
        assert np.abs(points(axes, "Wu24")[:, 0]).max() == sizes.max()
        axes = mini.figure("head_volatility").axes[0]
        for (low, high), head in zip(segments(axes, "range")[:, :, 0], names(axes), strict=True):
            assert low == mini.finding("f5_rank_min", f"summed_attention|{head}")["value"]
            assert high == mini.finding("f5_rank_max", f"summed_attention|{head}")["value"]

    def test_gaps_are_counted(self, mini: Case) -> None:
        axes = mini.figure("score_dominance").axes[2]
        assert sum(patch.get_height() for patch in axes.patches if patch.get_gid() is None) == 0
        gaps = []
        rows = mini.rankings[mini.rankings["method"] == "qrhead"]
        for _, of_one in rows.groupby(["model", "question", "token_length"]):
            first, second = of_one.sort_values("rank")["score"].iloc[:2]
            gaps.append((first - second) / first)
        bars = [patch for patch in axes.patches if patch.get_gid() == "qrhead"]
        edges = [*(bar.get_x() for bar in bars), bars[-1].get_x() + bars[-1].get_width()]
        np.testing.assert_allclose([bar.get_height() for bar in bars], np.histogram(gaps, edges)[0])
        assert points(axes, "mean")[0, 0] == pytest.approx(np.mean(gaps))
