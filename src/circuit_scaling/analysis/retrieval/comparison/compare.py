"""From rankings and accuracies of all methods and models to every table of the comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from circuit_scaling.analysis.retrieval.comparison.checked import as_table
from circuit_scaling.analysis.retrieval.comparison.every import (
    accuracies_compared,
    rankings_compared,
)
from circuit_scaling.analysis.retrieval.comparison.findings import as_tables
from circuit_scaling.analysis.retrieval.comparison.roles import model_pairs, question_kinds
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.analysis.retrieval.comparison.suspects import plausibility
from circuit_scaling.models.roster import Rosters
from circuit_scaling.vocabulary import QuestionKind


class Tables(NamedTuple):
    """What the comparison reads, measured or imported; any of them may have no rows."""

    head_rankings: pd.DataFrame
    ablation_results: pd.DataFrame
    joint_scores: pd.DataFrame
    joint_answers: pd.DataFrame

    def named(self, column: str) -> list[str]:
        """What rankings and accuracies name in a column, in the order of the rows."""
        both = pd.concat([self.head_rankings[column], self.ablation_results[column]])
        return [str(name) for name in both.unique()]


class Comparison(NamedTuple):
    """The tables of these names."""

    retrieval_findings: pd.DataFrame
    absent_findings: pd.DataFrame
    retrieval_checks: pd.DataFrame


def compare_methods(
    tables: Tables,
    settings: ComparisonSettings,
    rosters: Rosters,
    pairs: Sequence[tuple[str, str]],
    kinds: Mapping[str, QuestionKind],
) -> Comparison:
    """Every finding, those that cannot be computed, and what looks wrong about the tables.

    Args:
        rosters: which weights a model has.
        pairs: base model and instruct model; where there are none, names tell.
        kinds: of questions that are none of the project's own.

    Raises:
        CircuitScalingError: a model or question is named that the tables do not have, or nothing
            can be computed.
    """
    kind_of = question_kinds(tables.named("question"), kinds)
    pairs_of = model_pairs(tables.named("model"), pairs)
    rankings = rankings_compared(
        tables.head_rankings, tables.joint_scores, settings, kind_of, pairs_of
    )
    accuracies = accuracies_compared(tables.ablation_results, tables.joint_answers, kind_of)
    found = as_tables(
        [*rankings.found, *accuracies.found], {**rankings.intervals, **accuracies.intervals}
    )
    checked = plausibility(tables.head_rankings, tables.ablation_results, rosters)
    return Comparison(*found, as_table(checked))
