"""Whether a model answers a question at all, or does no better than one answer to everything."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import pandas as pd

from circuit_scaling.prompts.needles.values import value_of
from circuit_scaling.statistics.shares import exact_interval
from circuit_scaling.vocabulary import AnswerKind

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Answering:
    """How a model answers one question at one length.

    Attributes:
        accuracy: share of right answers.
        low, high: its exact 95 % interval, over filings.
        floor: the accuracy of always giving the answer that is right most often.
    """

    accuracy: float
    low: float
    high: float
    floor: float

    @property
    def answered(self) -> bool:
        """Whether the interval is above the floor; otherwise nothing can be concluded."""
        return self.low > self.floor


def answering(kind: AnswerKind, answers: pd.DataFrame) -> Answering:
    """How a question of a kind is answered.

    A filing that is asked about several times, at several depths, is one observation: the share of
    its answers that are right. The shares are added up, and what is over a whole number is left
    away.

    Args:
        answers: ``filing``, ``answer`` (the true one) and ``right`` of each.
    """
    by_filing = answers.groupby("filing")["right"].mean()
    truths = answers.drop_duplicates("filing")["answer"].map(lambda cell: value_of(kind, cell))
    low, high = exact_interval(floor(by_filing.sum() + _ROUNDING), len(by_filing))
    return Answering(
        accuracy=float(answers["right"].mean()),
        low=low,
        high=high,
        floor=float(truths.value_counts(normalize=True).iloc[0]),
    )
