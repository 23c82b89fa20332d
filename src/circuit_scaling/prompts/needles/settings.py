"""Which questions are asked in which contexts, as the configuration says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from circuit_scaling.prompts.needles.questions import Question, shipped_questions
from circuit_scaling.typed import Block, Seed, at_most
from circuit_scaling.vocabulary import QUESTION_IDS, QuestionForm, QuestionId

Length = Annotated[int, Field(gt=0), at_most(1_000_000, "no model reads more tokens")]
Depth = Annotated[float, Field(ge=0, le=1)]


class NeedleSettings(Block):
    """Parameters of the questions about documents in long contexts.

    Attributes:
        lengths: tokens of a whole prompt, from BOS to the last one before the answer.
        depths: where the document stands: the share of the haystack that comes before it.
        policy: what happens to a document that does not fit: ``skip`` leaves out those that do not
            fit into the shortest prompt, so that every length asks about the same documents;
            ``truncate`` cuts off the end, at each length what it must.
        min_haystack: tokens of the haystack that must remain around a document.
        form: how a question is put: ``one_word`` as the study does (*Answer in one word:*), ``cue``
            with a sentence begun, which the answer completes, ``chat`` in the user's turn of the
            tokenizer's chat template.
        questions: which of them are asked.
        cues: question -> the sentence begun, in place of the shipped one, for a model that is led
            astray by its words.
        null_query: stands in place of the question where attention without one is wanted.
        test_share: of the filings.
        split_seed: of the split and of the order in which filings are taken.
        n_train, n_test: filings per question on each side; all of them where it is not said.
    """

    lengths: tuple[Length, ...] = Field(min_length=1)
    depths: tuple[Depth, ...] = Field(default=(0.5,), min_length=1)
    policy: Literal["skip", "truncate"] = "skip"
    min_haystack: int = Field(default=0, ge=0)
    form: QuestionForm = "cue"
    questions: tuple[QuestionId, ...] = Field(default=QUESTION_IDS, min_length=1)
    cues: dict[QuestionId, str] = Field(default_factory=dict)
    null_query: str = Field(default="N/A", min_length=1)
    test_share: float = Field(default=0.2, gt=0, lt=1)
    split_seed: Seed = 0
    n_train: int | None = Field(default=None, gt=0)
    n_test: int | None = Field(default=None, gt=0)

    @field_validator("lengths", "depths", "questions")
    @classmethod
    def _each_once(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(values)) < len(values):
            raise ValueError("each of them once")
        return values

    def wanted(self, split: str) -> int | None:
        """How many filings per question are taken of one side; all where it is not said."""
        return self.n_train if split == "train" else self.n_test


def asked_questions(settings: NeedleSettings) -> dict[QuestionId, Question]:
    """The questions that are asked, with their cues as the configuration has them."""
    shipped = shipped_questions()
    return {
        name: shipped[name].model_copy(
            update={"cue": settings.cues[name]} if name in settings.cues else {}
        )
        for name in settings.questions
    }
