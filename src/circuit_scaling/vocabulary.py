"""Words that several rooms share: categories, ablations, tasks, questions, methods, lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

CATEGORIES = ("ioi_only", "anti_only", "shared", "weak")
"""What a head is for: one of the two tasks, both, or neither; in the order of every table."""

STRONG_CATEGORIES = CATEGORIES[:3]
"""Those of heads that do something; heroes come from them."""

AblationMode = Literal["zero", "mean", "resample"]
ABLATION_MODES: tuple[AblationMode, ...] = get_args(AblationMode)
"""What replaces a head's output."""

Positions = Literal["all", "end"]
POSITIONS: tuple[Positions, ...] = get_args(Positions)
"""Where it is replaced: everywhere, or at the last token alone."""
POSITION_WORDS: dict[str, str] = {"all": "all positions", "end": "the last position"}
"""What figures, pages and notes call them."""

STUDY_TASKS = ("ioi", "anti_names")
"""Indirect object identification and anti-repetition, from which the categories come."""

NAMES_IN_ORDER = "anti_names_first"
"""Anti-repetition as it was published: always the first name is repeated, so that the order of the
names alone has the answer."""

ALL_FAMILIES = "all families"
"""In the place of a family: models of all of them together."""

ALPHA = 0.05
"""A finding has a p or q below it."""

CHANCE = 0.5
"""Accuracy of who does not know which of two answers is right."""

COMPETENCE_MARGIN = 0.1
"""How far above chance a model must be right before it is said to do a task."""

QuestionId = Literal["inc_state", "inc_year", "employee_count", "hq_state"]
QUESTION_IDS: tuple[QuestionId, ...] = get_args(QuestionId)
"""What is asked about a filing: where and when the company was incorporated, how many it employs,
where its headquarters are."""

EVERY_QUESTION = "all"
"""In the place of a question: those that the clean model answers, taken together."""

AnswerKind = Literal["state", "year", "count"]
ANSWER_KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)
"""What an answer to a question is."""

QuestionKind = Literal["numerical", "categorical"]
QUESTION_KINDS: tuple[QuestionKind, ...] = get_args(QuestionKind)
"""Whether a question asks for a number or for one of some names."""

QuestionForm = Literal["one_word", "cue", "chat"]
QUESTION_FORMS: tuple[QuestionForm, ...] = get_args(QuestionForm)
"""How a question is put."""

QuestionSplit = Literal["train", "test"]
QUESTION_SPLITS: tuple[QuestionSplit, ...] = get_args(QuestionSplit)
"""Heads are ranked on questions about the filings of one side, and masked on the other."""

RetrievalMethod = Literal["summed_attention", "wu24", "qrhead"]
RETRIEVAL_METHODS: tuple[RetrievalMethod, ...] = get_args(RetrievalMethod)
"""How heads that read a document for an answer are found."""

MaskedSet = Literal["baseline", "hero", "random"]
MASKED_SETS: tuple[MaskedSet, ...] = get_args(MaskedSet)
"""What is ablated while a model answers: nothing, the best heads of a method, heads at random."""


CONFIGURATION = ("method", "model", "question", "token_length")
"""The columns that name a configuration of the retrieval study: one ranking of heads."""


def counted(number: int, noun: str) -> str:
    """``1 head``, ``2 heads``: a number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first_few(names: Sequence[str], most: int, between: str = ", ") -> str:
    """``a, b and 3 more``: the first ``most`` names, and how many others there are."""
    return some_of(names[:most], len(names), between)


def some_of(shown: Sequence[str], total: int, between: str = ", ") -> str:
    """The same where only those that are ``shown`` are at hand, of ``total``."""
    rest = total - len(shown)
    return between.join(shown) + (f" and {rest} more" if rest > 0 else "")
