"""Nodes of masking: answers without some heads, the best heads against random, exports, figures."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.retrieval.exports import masking_for_people
from circuit_scaling.analysis.retrieval.joint import sample_answers
from circuit_scaling.analysis.retrieval.masking import ablation_results, summarise_masks
from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.retrieval.masking import masking as draw_model
from circuit_scaling.figures.retrieval.masking import (
    masking_overview,
    of_every_size,
    with_most_heads,
)
from circuit_scaling.figures.style import file_name
from circuit_scaling.marks import marked_by
from circuit_scaling.measuring.retrieval.freshness import (
    answers_mark,
    check_fresh_answers,
    check_fresh_scores,
)
from circuit_scaling.measuring.retrieval.settings import MaskingSettings, RetrievalSettings
from circuit_scaling.measuring.shared.of_model import of_model
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.pipelines.per_model import stack
from circuit_scaling.tables.retrieval import ABLATION_RESULTS

# torch and transformers are imported inside the functions: the registry must start without them.


@marked_by(answers_mark)
def mask_heads(
    entry: RosterEntry,
    settings: RetrievalSettings,
    masking: MaskingSettings,
    joint_questions: pd.DataFrame,
    head_rankings: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Load the model once; answer the test questions with every set of heads masked."""
    from circuit_scaling.measuring.retrieval.masking import mask

    questions, ranked = (of_model(table, entry.slug) for table in (joint_questions, head_rankings))
    check_fresh_scores(entry, settings, questions, ranked)
    return mask(entry, settings, masking, questions, ranked)._asdict()


def compare_masks(
    entry: RosterEntry,
    settings: RetrievalSettings,
    masking: MaskingSettings,
    **tables: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Refuse answers that do not fit the configuration; else compare top heads with random ones.

    ``tables`` are joint_questions, head_rankings, masked_heads and retrieval_answers.
    """
    questions, ranked = (
        of_model(tables[name], entry.slug) for name in ("joint_questions", "head_rankings")
    )
    check_fresh_scores(entry, settings, questions, ranked)
    sets, answers = tables["masked_heads"], tables["retrieval_answers"]
    check_fresh_answers(entry, settings, masking, ranked, sets, answers)
    return {
        "ablation_results": ablation_results(sets, answers),
        "sample_answers": sample_answers(sets, answers, questions),
        "masking_summary": summarise_masks(sets, answers, questions),
    }


def collect(*tables: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables of all models, one below the other.

    ``tables`` are those of all models for each of results, answers of samples, comparisons and
    logs in turn.
    """
    n = len(tables) // 4
    results, answers, summaries, logs = (
        stack(*tables[start : start + n]) for start in range(0, len(tables), n)
    )
    return {
        "ablation_results": ABLATION_RESULTS.typed(results),
        "joint_answers": answers,
        "masking_summary": summaries,
        "mask_log": logs,
    }


def export(
    ablation_results: pd.DataFrame, masking_summary: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The CSV tables for people."""
    return masking_for_people(ablation_results, masking_summary)


def draw(masking_summary: pd.DataFrame) -> Drawn:
    """For each model what is left of its answers as more heads are masked; all side by side."""
    drawn: Drawn = {
        "masking_overview": (masking_overview(masking_summary), with_most_heads(masking_summary))
    }
    for model, rows in masking_summary.groupby("model", sort=False):
        drawn[f"{file_name(str(model))}_masking"] = (draw_model(rows), of_every_size(rows))
    return drawn
