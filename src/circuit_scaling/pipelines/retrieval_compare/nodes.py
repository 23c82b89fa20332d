"""Nodes of the comparison: findings and checks, exports, figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from circuit_scaling.analysis.made_from import mark_of_prints, stamp_with
from circuit_scaling.analysis.retrieval.comparison.compare import Tables, compare_methods
from circuit_scaling.analysis.retrieval.comparison.roles import question_kinds as kinds_of
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.retrieval.comparison.draw import draw_comparison
from circuit_scaling.models.roster import Rosters
from circuit_scaling.vocabulary import QuestionKind


def compare(
    settings: ComparisonSettings,
    rosters: Rosters,
    model_pairs: Sequence[tuple[str, str]],
    question_kinds: Mapping[str, QuestionKind],
    **tables: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """All findings, those that there are not, and what looks wrong about the tables.

    ``tables`` are head_rankings, ablation_results, joint_scores and joint_answers.
    """
    compared = compare_methods(Tables(**tables), settings, rosters, model_pairs, question_kinds)
    mark = mark_of_prints(tables["head_rankings"], tables["ablation_results"])
    return stamp_with(compared._asdict(), mark)


def export(
    retrieval_findings: pd.DataFrame, absent_findings: pd.DataFrame, retrieval_checks: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The CSV tables for people."""
    return {
        "retrieval_findings": retrieval_findings,
        "absent_findings": absent_findings,
        "retrieval_checks": retrieval_checks,
    }


def draw(
    settings: ComparisonSettings,
    question_kinds: Mapping[str, QuestionKind],
    retrieval_findings: pd.DataFrame,
    head_rankings: pd.DataFrame,
    ablation_results: pd.DataFrame,
) -> Drawn:
    """Methods, questions, lengths and models side by side."""
    asked = pd.concat([head_rankings["question"], ablation_results["question"]]).unique()
    kinds = kinds_of([str(question) for question in asked], question_kinds)
    return draw_comparison(retrieval_findings, head_rankings, ablation_results, settings.top, kinds)
