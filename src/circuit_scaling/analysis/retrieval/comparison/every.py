"""Every finding about retrieval heads, with intervals where there are samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from circuit_scaling.analysis.retrieval.comparison.chance import chance_findings
from circuit_scaling.analysis.retrieval.comparison.compared import (
    Found,
    Masked,
    Ranked,
    first_ablation,
)
from circuit_scaling.analysis.retrieval.comparison.corrected import (
    Floors,
    concentration_finding,
    drop_findings,
    floor_finding,
    reliability_findings,
)
from circuit_scaling.analysis.retrieval.comparison.findings import Intervals, resting_on
from circuit_scaling.analysis.retrieval.comparison.intervals import (
    drop_intervals,
    ranking_intervals,
)
from circuit_scaling.analysis.retrieval.comparison.roles import ModelPair
from circuit_scaling.analysis.retrieval.comparison.samples import SampledAnswers, SampledScores
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.analysis.retrieval.comparison.study_masking import masking_findings
from circuit_scaling.analysis.retrieval.comparison.study_rankings import ranking_findings
from circuit_scaling.vocabulary import QuestionKind


class Compared(NamedTuple):
    """All findings, and the intervals of those that have any."""

    found: list[Found]
    intervals: Intervals


def rankings_compared(
    head_rankings: pd.DataFrame,
    joint_scores: pd.DataFrame,
    settings: ComparisonSettings,
    kinds: Mapping[str, QuestionKind],
    pairs: Sequence[ModelPair],
) -> Compared:
    """Findings about rankings: the study's, chance levels, ceilings, concentration.

    Args:
        head_rankings: of all models.
        joint_scores: the scores that they were made of; no rows where they are not known.
        kinds: of the questions, where known.
        pairs: instruct models and their base models.
    """
    ranked = Ranked.of(head_rankings)
    scores = SampledScores.of(ranked, joint_scores)
    halves, resamples = (np.random.default_rng([settings.seed, part]) for part in range(2))

    def study(table: Ranked) -> list[Found]:
        return ranking_findings(table, settings, kinds, pairs)

    chance = chance_findings(ranked, settings.top, kinds, pairs)
    found = [
        *study(ranked),
        *chance.found,
        *reliability_findings(scores, settings.top, halves),
        concentration_finding(ranked),
    ]
    intervals = ranking_intervals(scores, study, settings.n_boot, resamples)
    return Compared(
        [*resting_on("head_rankings", head_rankings, found)], {**intervals, **chance.ranges}
    )


def accuracies_compared(
    ablation_results: pd.DataFrame,
    joint_answers: pd.DataFrame,
    kinds: Mapping[str, QuestionKind],
) -> Compared:
    """Findings about answers without some heads: the study's, and those above the floor.

    Args:
        ablation_results: of all models; of several kinds of ablation the first counts
            (`first_ablation`).
        joint_answers: the answers that they were made of; no rows where they are not known.
        kinds: of the questions, where known.
    """
    results = first_ablation(ablation_results)
    answers = joint_answers[joint_answers["ablation"].isin(results["ablation"].unique())]
    masked = Masked.of(results)
    floors = Floors.of(masked.axes, answers)

    def drops(table: Masked) -> list[Found]:
        return [*masking_findings(table, kinds), *drop_findings(table, floors)]

    found = [*drops(masked), floor_finding(masked, floors)]
    intervals = drop_intervals(SampledAnswers.of(masked, answers), drops)
    return Compared([*resting_on("ablation_results", ablation_results, found)], intervals)
