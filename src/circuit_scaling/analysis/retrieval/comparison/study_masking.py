"""The study's findings about answers without some heads (study, Q1, Q3, drops at k).

A drop is the accuracy with all heads minus that without some, a fraction of 1; that of random heads
is the mean over the draws of a configuration.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from circuit_scaling.analysis.retrieval.comparison.averages import mean_of, sd_of
from circuit_scaling.analysis.retrieval.comparison.compared import (
    LENGTHS,
    METHODS,
    MODELS,
    QUESTIONS,
    Found,
    Masked,
    Values,
    all_but,
)
from circuit_scaling.analysis.retrieval.comparison.roles import of_kind
from circuit_scaling.vocabulary import QUESTION_KINDS, QuestionKind


def masking_findings(masked: Masked, kinds: Mapping[str, QuestionKind]) -> list[Found]:
    """Every finding of the study that rests on accuracies, on all configurations of the table.

    Which groups there are depends on what was compared, never on the accuracies.

    Args:
        kinds: of the questions, where known.
    """
    return [
        _averaged("q1_mean_drop", masked, masked.hero_drop, QUESTIONS),
        *_of_kinds(masked, kinds),
        _averaged("drop_at_k_by_method", masked, masked.hero_drop, METHODS),
        _averaged("drop_at_k_by_model", masked, masked.hero_drop, MODELS),
        _averaged("drop_at_k_by_length", masked, masked.hero_drop, LENGTHS),
        _averaged("random_drop_at_k_by_method", masked, masked.random_drop, METHODS),
        _averaged("drop_at_k", masked, masked.hero_drop, METHODS, QUESTIONS),
        _averaged("random_drop_at_k", masked, masked.random_drop, METHODS, QUESTIONS),
    ]


def _averaged(finding: str, masked: Masked, drops: Values, *kept: int) -> Found:
    """The mean drop for each k, over all axes of configurations but those that are kept."""
    over = all_but(*kept)
    keys = [*(masked.axes[axis] for axis in kept), masked.ks]
    return Found.over(finding, keys, *mean_of(drops, over), "no such set was masked")


def _of_kinds(masked: Masked, kinds: Mapping[str, QuestionKind]) -> list[Found]:
    """Mean and spread of the drops for a kind of question, over configurations and k together."""
    pooled = [
        masked.hero_drop[:, :, of_kind(masked.axes.questions, kinds, kind)]
        for kind in QUESTION_KINDS
    ]
    means, n = (np.array(found) for found in zip(*map(mean_of, pooled), strict=True))
    sds = np.array([sd_of(drops) for drops in pooled])
    why = (
        "no drop for a question of the kind; questions of your own have the kinds that "
        "import.question_kinds tells"
    )
    return [
        Found.over("q3_drop_mean", [QUESTION_KINDS], means, n, why),
        Found.over("q3_drop_sd", [QUESTION_KINDS], sds, n, why),
    ]
