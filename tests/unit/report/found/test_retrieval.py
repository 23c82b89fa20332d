"""What is claimed of heads that read documents follows the intervals of the findings."""

from __future__ import annotations

import pandas as pd
import pytest

from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found import caveats, found_about_retrieval, what_was_found
from circuit_scaling.report.found.retrieval import (
    answers_need_the_heads,
    heads_of_every_method,
    methods_agree,
    tuning_keeps_heads,
)
from circuit_scaling.tables.made_with import set_made_with
from tests.helpers.found_tables import ablated, correlations, told, verdicts

NO = float("nan")


def findings(*rows: tuple[str, str, float, float, float]) -> pd.DataFrame:
    """Rows of finding, group, value and interval, of a comparison of the 12 best heads."""
    every = [
        *((name, f"{method}|L0H1", 3.0, NO, NO) for name in ("f1_mean_rank",) for method in "ab"),
        *rows,
    ]
    table = pd.DataFrame(every, columns=["finding", "group", "value", "ci_low", "ci_high"])
    set_made_with(table, {"comparison.top": 12, "comparison.consensus_rank": 16})
    return table.assign(n=5)


def overlap(low: float, high: float) -> pd.DataFrame:
    return findings(
        ("method_overlap", "a|b", 0.4, low, high),
        ("method_overlap", "b|a", 0.4, low, high),
        ("method_overlap_chance", "a|b", 0.1, NO, NO),
        ("ranking_ceiling", "a", 0.7, NO, NO),
        ("ranking_ceiling", "b", 0.8, NO, NO),
    )


@pytest.mark.parametrize(
    ("low", "high", "claim"),
    [
        (0.3, 0.5, "Methods find different heads, though more of the same than chance."),
        (0.05, 0.5, "Methods find different heads."),
        (0.3, 0.75, "Methods find more of the same heads than chance."),
        (0.05, 0.75, "Not shown: that methods find the same heads, or others."),
        (NO, NO, "Not shown: that methods find the same heads, or others."),
    ],
)
def test_overlap_lies_between_chance_and_ceiling(low: float, high: float, claim: str) -> None:
    found = told(methods_agree, retrieval_findings=overlap(low, high))
    assert found.claim == claim
    assert "The 12 best heads overlap (Jaccard): a and b by 40 %" in found.numbers
    assert "two halves of the documents under one method by 70 % (a) and 80 % (b)" in found.numbers
    assert "random heads by 10 %" in found.numbers


def drops(a: float, b: float) -> pd.DataFrame:
    """How far the lower ends of the falls beyond random heads lie from 0, at 12 heads."""
    return findings(
        ("drop_beyond_random_at_k", "a|4", 0.9, 0.8, 1.0),
        ("drop_beyond_random_at_k", "a|12", 0.5, a, 0.7),
        ("drop_beyond_random_at_k", "b|12", 0.2, b, 0.3),
    )


@pytest.mark.parametrize(
    ("a", "b", "claim"),
    [
        (
            0.1,
            0.1,
            "Masking the heads that each method finds costs more answers than masking random ones.",
        ),
        (0.1, -0.1, "Masking the heads that a finds costs more answers than masking random ones."),
        (
            -0.1,
            -0.1,
            "Not shown: that answers about documents need the heads that the methods find.",
        ),
    ],
)
def test_falls_beyond_random_heads_are_claimed_by_method(a: float, b: float, claim: str) -> None:
    found = told(answers_need_the_heads, retrieval_findings=drops(a, b))
    assert found.claim.startswith(claim)
    assert "With the 12 best heads masked" in found.numbers
    assert f"a 50 points [{100 * a:.0f}, 70]".replace("-", "−") in found.numbers


def consensus(high: float) -> pd.DataFrame:
    return findings(
        ("f1_consensus", "L0H1", 1.0, NO, NO),
        ("f1_consensus", "L0H2", 0.0, NO, NO),
        ("f1_mean_rank", "a|L0H2", 30.0, 20.0, 40.0),
        ("f1_mean_rank", "b|L0H1", 9.0, 7.0, high),
    )


def test_heads_of_every_method_have_whole_intervals_among_the_best() -> None:
    found = told(heads_of_every_method, retrieval_findings=consensus(12.0))
    assert found.shown
    assert "1 of 2 heads have a mean rank below 16 by every method" in found.numbers
    assert "L0H1 (9.0 [7.0, 12.0])" in found.numbers
    assert not told(heads_of_every_method, retrieval_findings=consensus(18.0)).shown


@pytest.mark.parametrize(("low", "shown"), [(0.3, True), (0.05, False), (NO, False)])
def test_base_and_instruct_models_against_chance(low: float, shown: bool) -> None:
    table = findings(
        ("f7_overlap_mean", "model", 0.5, low, 0.6),
        ("model_overlap_chance", "a", 0.1, NO, NO),
    )
    found = told(tuning_keeps_heads, retrieval_findings=table)
    assert found.shown is shown
    assert "overlap by 50 %" in found.numbers


def test_the_first_screen_has_both_studies_and_at_most_eight() -> None:
    context = ReportContext().with_tables(
        corr_vs_scale=correlations(-0.1, 0.1),
        ablation_summary=ablated(-0.5, 0.01),
        causal_summary=verdicts(18, 2, 4),
        retrieval_findings=pd.concat([overlap(0.3, 0.5), drops(0.1, 0.1), consensus(12.0)]),
    )
    anchors = [found.anchor for found in what_was_found(context)]
    assert anchors == ["scaling", "ablation", "causal", *["comparison"] * 3]
    assert len(what_was_found(context)) <= 8
    assert len(found_about_retrieval(context)) == 3


def test_suspicions_are_said_before_anything_is_believed() -> None:
    checks = pd.DataFrame({"outcome": ["passed", "suspect", "suspect"]})
    (sentence,) = caveats(ReportContext().with_tables(retrieval_checks=checks))
    assert "2 suspicions" in sentence
