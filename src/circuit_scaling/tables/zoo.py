"""The schemas of the training of the embedded models."""

from __future__ import annotations

from circuit_scaling.tables.columns import count, number, share, text
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import QUESTION_FORMS, QUESTION_IDS

ZOO_CURVES = Table(
    "zoo_curves",
    {"model": text(), "step": count(), "task": text(), "loss": number(at_least=0)},
    keys=("model", "step", "task"),
)
ZOO_ACCURACY = Table(
    "zoo_accuracy",
    {
        "model": text(),
        "task": text(),
        "objective": text("trained", "random", "untrained"),
        "accuracy": share(),
        "candidate_accuracy": share(),
        "n_prompts": count(),
    },
    keys=("model", "task"),
)
ZOO_ANSWERS = Table(
    "zoo_answers",
    {
        "model": text(),
        "question": text(*QUESTION_IDS),
        "form": text(*QUESTION_FORMS),
        "token_length": count(),
        "accuracy": share(),
        "n_questions": count(),
    },
    keys=("model", "question", "form", "token_length"),
)
