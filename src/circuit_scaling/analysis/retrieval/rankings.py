"""From the scores of a model's heads to rankings, beside how well the model answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from circuit_scaling.analysis.retrieval.answered import answering
from circuit_scaling.tables.retrieval import MODEL_RANKINGS

_ASKED = ["question", "token_length"]
_RANKED = ["method", *_ASKED]


def rank(
    scores: pd.DataFrame, decoded_answers: pd.DataFrame, questions: pd.DataFrame
) -> pd.DataFrame:
    """The table ``head_rankings`` of one model: every head by every method, question and length.

    ``rank`` is by ``score``, from 1 for the highest; of equal scores the lower layer, then the
    lower head comes first, and heads without a score come last. ``rank_study`` is the same by
    ``score_study``. ``accuracy`` with its interval, ``floor`` and ``answered`` are of the clean
    model on the training questions (``answering``).

    Args:
        scores, decoded_answers, questions: tables of the model.
    """
    kinds = dict(zip(questions["question"], questions["kind"], strict=True))
    rows = []
    for (question, length), answers in decoded_answers.groupby(_ASKED, sort=False):
        found = answering(kinds[question], answers)
        rows.append(
            {
                "question": question,
                "token_length": length,
                "accuracy": found.accuracy,
                "accuracy_low": found.low,
                "accuracy_high": found.high,
                "floor": found.floor,
                "answered": found.answered,
            }
        )
    ranked = scores.merge(pd.DataFrame(rows), on=_ASKED, how="left", validate="many_to_one")
    for name, score in (("rank", "score"), ("rank_study", "score_study")):
        ranked[name] = _ranks(ranked, score)
    return ranked[list(MODEL_RANKINGS.columns)]


def _ranks(scores: pd.DataFrame, score: str) -> pd.Series[int]:
    """Ranks from 1 in each ranking; NaN last, ties by layer and head."""
    order = scores.sort_values(
        [score, "layer", "head"], ascending=[False, True, True], na_position="last", kind="stable"
    )
    places = order.groupby(_RANKED).cumcount() + 1
    return places.reindex(scores.index).astype(np.int64)
