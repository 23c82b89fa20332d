"""The questions that are asked about every filing: ``questions.yml`` beside this file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml
from pydantic import RootModel

from circuit_scaling.typed import Block
from circuit_scaling.vocabulary import AnswerKind, QuestionId


class Question(Block):
    """One question.

    Attributes:
        column: of the ground truth, which holds the answers.
        kind: what an answer is, and so how one is read and compared.
        text: the question itself.
        cue: a sentence begun, which the answer completes.
    """

    column: str
    kind: AnswerKind
    text: str
    cue: str


class _Questions(RootModel[dict[QuestionId, Question]]):
    """All questions by their ids."""


@cache
def shipped_questions() -> dict[QuestionId, Question]:
    """The shipped questions by id, in their order."""
    text = files(__package__).joinpath("questions.yml").read_text(encoding="utf-8")
    return _Questions.model_validate(yaml.safe_load(text)).root
