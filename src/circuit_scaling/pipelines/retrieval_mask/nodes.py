"""Nodes of masking: answers without some heads, the best heads against random, exports, figures."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.retrieval.exports import masking_for_people
from circuit_scaling.analysis.retrieval.masking import ablation_results, summarise_masks
from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.retrieval.masking import masking_curves
from circuit_scaling.measuring.retrieval.freshness import check_fresh_answers, check_fresh_scores
from circuit_scaling.measuring.retrieval.settings import MaskingSettings, RetrievalSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.pipelines.per_model import stack

# torch and transformers are imported inside the functions: the registry must start without them.


def mask_heads(
    entry: RosterEntry,
    settings: RetrievalSettings,
    masking: MaskingSettings,
    questions: pd.DataFrame,
    retrieval_scores: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Load the model once; answer the test questions with every set of heads masked."""
    from circuit_scaling.measuring.retrieval.masking import mask

    check_fresh_scores(entry, settings, questions, retrieval_scores)
    return mask(entry, settings, masking, questions, retrieval_scores)._asdict()


def compare_masks(
    entry: RosterEntry,
    settings: RetrievalSettings,
    masking: MaskingSettings,
    **tables: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Refuse answers that do not fit the configuration; else compare top heads with random ones.

    ``tables`` are questions, retrieval_scores, masked_heads and retrieval_answers.
    """
    sets, answers = tables["masked_heads"], tables["retrieval_answers"]
    check_fresh_answers(entry, settings, masking, tables["retrieval_scores"], sets, answers)
    questions = tables["questions"]
    return {
        "ablation_results": ablation_results(sets, answers),
        "masking_summary": summarise_masks(sets, answers, questions),
    }


def collect(*tables: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Results, comparisons and logs of all models, one below the other."""
    third = len(tables) // 3
    names = ("ablation_results", "masking_summary", "mask_log")
    return {name: stack(*tables[i * third : (i + 1) * third]) for i, name in enumerate(names)}


def export(
    ablation_results: pd.DataFrame, masking_summary: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The CSV tables for people."""
    return masking_for_people(ablation_results, masking_summary)


def draw(masking_summary: pd.DataFrame) -> Drawn:
    """For each model what is left of its answers as more heads are masked."""
    return masking_curves(masking_summary)
