"""What the study left out: how far rankings repeat themselves, how far answers could fall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.analysis.retrieval.comparison.averages import mean_of, ratio
from circuit_scaling.analysis.retrieval.comparison.compared import (
    LENGTHS,
    METHODS,
    MODELS,
    QUESTIONS,
    Axes,
    Found,
    Masked,
    Ranked,
    Values,
    all_but,
)
from circuit_scaling.analysis.retrieval.comparison.samples import SampledScores, place_of
from circuit_scaling.statistics.clusters import MIN_CLUSTERS, ClusterTotals
from circuit_scaling.statistics.overlap import gini
from circuit_scaling.statistics.reliability import half_sample_overlap

_FLOORLESS = "no answers to single questions, as in a table measured elsewhere"


def reliability_findings(scores: SampledScores, top: int, rng: np.random.Generator) -> list[Found]:
    """How much two rankings of one method overlap, each from half of the filings, and the means.

    A lower bound of what two methods that measure the same would reach (`half_sample_overlap`).

    Args:
        top: the best heads of a ranking that count as found.
    """
    axes = scores.ranked.axes
    values = np.full(tuple(map(len, axes)), np.nan)
    n = np.zeros(values.shape, dtype=np.int64)
    for at, totals, _ in scores.configurations:
        # Heads that the model does not have are no heads.
        own = ~np.isnan(totals.sums).any(axis=1)
        values[at] = half_sample_overlap(
            ClusterTotals(totals.labels, totals.sums[own], totals.n_prompts), top, rng
        )
        n[at] = len(totals.labels)
    why = f"fewer than {MIN_CLUSTERS} filings whose own scores are known, as in imported tables"
    ceiling, of = mean_of(values, all_but(METHODS))
    return [
        Found.over("ranking_reliability", axes, values, n, why),
        Found.over("ranking_ceiling", [axes.methods], ceiling, of, why),
    ]


def concentration_finding(ranked: Ranked) -> Found:
    """Gini coefficient of a method's scores, the mean over rankings that score every head.

    A list without the weaker heads would look less concentrated than it is.
    """
    known = (~np.isnan(ranked.scores)).sum(axis=-1)
    whole = known == ranked.n_heads[:, None, None]
    values = np.full(whole.shape, np.nan)
    for at in zip(*np.nonzero(whole), strict=True):
        scores = ranked.scores[at]
        values[at] = gini(scores[~np.isnan(scores)])
    mean, n = mean_of(values, all_but(METHODS))
    why = "the method never scores all heads of a model"
    return Found.over("gini", [ranked.axes.methods], mean, n, why)


@dataclass(frozen=True)
class Floors:
    """What the clean model has to lose.

    Attributes:
        floor: accuracy of always giving the answer that is right most often, [methods, models,
            questions, lengths]; NaN where it is not known.
        answered: where the interval of the clean model's accuracy is above it; False where that is
            not known.
    """

    floor: Values
    answered: NDArray[np.bool_]

    @classmethod
    def of(cls, axes: Axes, joint_answers: pd.DataFrame) -> Floors:
        """From ``joint_answers``, for what is compared on these axes."""
        floor = np.full(tuple(map(len, axes)), np.nan)
        answered = np.zeros(floor.shape, dtype=bool)
        for row in joint_answers.to_dict("records"):
            at = place_of(axes, row)
            if at is not None:
                floor[at], answered[at] = row["floor"], row["answered"]
        return cls(floor, answered)


def floor_finding(masked: Masked, floors: Floors) -> Found:
    """The floor of each question, the mean over models and lengths."""
    of_model = mean_of(floors.floor, METHODS)[0]
    mean, n = mean_of(of_model, (0, 2))
    return Found.over("answer_floor", [masked.axes.questions], mean, n, _FLOORLESS)


def drop_findings(masked: Masked, floors: Floors) -> list[Found]:
    """Drops of what there was to lose, and beyond random heads; only where the model answers.

    A relative drop is the sum of baseline - accuracy over that of baseline - floor, over all
    configurations that the clean model answers: 1 where nothing is left but guessing.
    """
    answered = floors.answered[..., None]
    known = answered & ~np.isnan(masked.hero_drop)
    drop = np.where(known, masked.hero_drop, np.nan)
    to_lose = np.where(known, (masked.baseline - floors.floor)[..., None], np.nan)
    beyond = np.where(answered, masked.hero_drop - masked.random_drop, np.nan)
    some = floors.answered.any()
    why = "the clean model answers no such question" if some else _FLOORLESS
    if not some and not np.isnan(floors.floor).all():
        why = "the clean model answers no question"

    def relative(finding: str, *kept: int) -> Found:
        over = all_but(*kept)
        lost, n = mean_of(drop, over)
        keys = [*(masked.axes[axis] for axis in kept), masked.ks]
        return Found.over(finding, keys, ratio(lost, mean_of(to_lose, over)[0]), n, why)

    mean, n = mean_of(beyond, all_but(METHODS))
    return [
        relative("relative_drop_at_k", METHODS, QUESTIONS),
        relative("relative_drop_at_k_by_method", METHODS),
        relative("relative_drop_at_k_by_model", MODELS),
        relative("relative_drop_at_k_by_question", QUESTIONS),
        relative("relative_drop_at_k_by_length", LENGTHS),
        Found.over(
            "drop_beyond_random_at_k",
            [masked.axes.methods, masked.ks],
            mean,
            n,
            f"{why}, or no random heads were masked" if some else why,
        ),
    ]
