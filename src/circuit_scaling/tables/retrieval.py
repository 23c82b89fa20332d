"""The schemas of the study of retrieval heads."""

from __future__ import annotations

from circuit_scaling.tables.columns import count, flag, numbers, share, text
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import ANSWER_KINDS, QUESTION_FORMS, QUESTION_IDS, QUESTION_SPLITS

QUESTIONS = Table(
    "questions",
    {
        "question_id": text(),
        "filing": text(),
        "question": text(*QUESTION_IDS),
        "kind": text(*ANSWER_KINDS),
        "split": text(*QUESTION_SPLITS),
        "token_length": count(),
        "depth": share(),
        "form": text(*QUESTION_FORMS),
        "tokens": numbers(),
        "needle_start": count(),
        "needle_end": count(),
        "needle_length": count(),
        "truncated": flag(),
        "answer_in_needle": flag(),
        "query_start": count(),
        "null_tokens": numbers(),
        "answer": text(),
        "answer_tokens": numbers(),
        "data_seed": count(),
    },
    keys=("question_id",),
    lengths={"tokens": "token_length"},
)
