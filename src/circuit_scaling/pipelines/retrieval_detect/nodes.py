"""Nodes of detection: questions, scores of every head, rankings, exports, figures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from circuit_scaling.analysis.retrieval.exports import rankings_for_people
from circuit_scaling.analysis.retrieval.joint import sample_scores
from circuit_scaling.analysis.retrieval.known_heads import known_retrieval_heads
from circuit_scaling.analysis.retrieval.rankings import rank
from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.retrieval.rankings import mean_scores, score_map
from circuit_scaling.figures.style import file_name
from circuit_scaling.marks import marked_by
from circuit_scaling.measuring.retrieval.freshness import (
    check_fresh_questions,
    check_fresh_scores,
    questions_mark,
    scores_mark,
)
from circuit_scaling.measuring.retrieval.settings import RetrievalSettings
from circuit_scaling.models.roster import Roster, RosterEntry
from circuit_scaling.pipelines.per_model import stack
from circuit_scaling.tables.retrieval import HEAD_RANKINGS, JOINT_QUESTIONS

# torch and transformers are imported inside the functions: the registry must start without them.


@marked_by(questions_mark)
def ask_questions(
    entry: RosterEntry,
    settings: RetrievalSettings,
    filings_truth: pd.DataFrame,
    filings_texts: pd.DataFrame,
    haystack: str,
) -> dict[str, pd.DataFrame]:
    """All questions in the tokens of one model, and how many filings could be used for them."""
    from circuit_scaling.measuring.retrieval.asking import questions_of_model

    asked = questions_of_model(entry, settings, filings_truth, filings_texts, haystack)
    return asked._asdict()


@marked_by(scores_mark)
def detect_heads(
    entry: RosterEntry, settings: RetrievalSettings, questions: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Load the model once; score every head by every method on the training questions."""
    from circuit_scaling.measuring.retrieval.detection import detect

    return detect(entry, settings, questions)._asdict()


def rank_heads(
    entry: RosterEntry,
    settings: RetrievalSettings,
    filings_truth: pd.DataFrame,
    filings_texts: pd.DataFrame,
    haystack: str,
    **tables: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Refuse questions and scores that do not fit the configuration; else rank the heads.

    ``tables`` are questions, retrieval_scores and decoded_answers.
    """
    questions, scores = tables["questions"], tables["retrieval_scores"]
    check_fresh_questions(entry, settings, (filings_truth, filings_texts, haystack), questions)
    check_fresh_scores(entry, settings, questions, scores)
    answers = tables["decoded_answers"]
    return {
        "head_rankings": rank(scores, answers, questions),
        "sample_scores": sample_scores(scores, answers),
    }


def collect(retrieval_models: dict[str, Any], *tables: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables of all models, one below the other.

    ``tables`` are those of all models for each of rankings, scores of samples, questions, copied
    tokens, counts and logs in turn.
    """
    models = Roster.model_validate(retrieval_models).root.values()
    n = len(models)
    rankings, scores, questions, copied, counts, logs = (
        tables[start : start + n] for start in range(0, len(tables), n)
    )
    named = [
        table.assign(family=entry.family, model=entry.slug)
        for table, entry in zip(questions, models, strict=True)
    ]
    return {
        "head_rankings": HEAD_RANKINGS.typed(stack(*rankings)),
        "joint_scores": stack(*scores),
        "joint_questions": stack(*named)[list(JOINT_QUESTIONS.columns)],
        "copied_tokens": stack(*copied),
        "question_counts": stack(*counts),
        "detect_log": stack(*logs),
    }


def find_known_heads(head_rankings: pd.DataFrame, retrieval_models: dict[str, Any]) -> pd.DataFrame:
    """Published retrieval heads, looked up among the rankings of their checkpoints."""
    return known_retrieval_heads(head_rankings, Roster.model_validate(retrieval_models))


def export(
    head_rankings: pd.DataFrame, known_retrieval_heads: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The CSV tables for people."""
    return rankings_for_people(head_rankings, known_retrieval_heads)


def draw(head_rankings: pd.DataFrame) -> Drawn:
    """For each model the score of every head, by method."""
    return {
        f"{file_name(str(model))}_retrieval_scores": (score_map(rows), mean_scores(rows))
        for model, rows in head_rankings.groupby("model", sort=False)
    }
