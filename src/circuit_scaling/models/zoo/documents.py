"""Training rows about fictional filings: statements and questions, with haystack around or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from circuit_scaling.models.zoo.language import IGNORE, Rows
from circuit_scaling.prompts.needles.generator import fictional_filings
from circuit_scaling.prompts.needles.haystack import shipped_haystack
from circuit_scaling.prompts.needles.parts import Frame, Parts
from circuit_scaling.prompts.needles.questions import shipped_questions
from circuit_scaling.prompts.needles.values import as_written
from circuit_scaling.prompts.words import word_list
from circuit_scaling.vocabulary import QUESTION_IDS, QuestionForm, QuestionId

ROLES: dict[QuestionId, tuple[str, ...]] = {
    "inc_state": ("incorporated", "laws"),
    "inc_year": ("year", "incorporation"),
    "employee_count": ("employs", "people", "employees", "number"),
    "hq_state": ("headquarters", "office"),
}
"""A word for each token of an answer: the first one, the second one, and so on; one token each."""

Kind = Literal["first", "later", "role_said", "role_asked"]
"""What is learnt at a token: the first token of an answer, or a later one; and half-way up the
layers, the role that a token of the filing has in a fact, and the role of what is to be said next.
"""

_NULL_QUERY = "N/A"
_TEXT = 26  # tokens of a passage: at least those that the check of a model's sense reads
_PERIODS = (6, 12)  # of repeated tokens, the least and the most
_IN_THE_MIDDLE = 0.3  # of the filings, as the questions of the study by default
_FROM_THE_START = 0.3  # of the haystacks begin with its first word, as prompts do


@dataclass(frozen=True)
class Marks:
    """Tokens at which something is learnt, all int64 [n].

    Attributes:
        rows, positions: where.
        labels: the token to be told there.
        questions: to which question it belongs, as a place in ``QUESTION_IDS``.
    """

    rows: NDArray[np.int64]
    positions: NDArray[np.int64]
    labels: NDArray[np.int64]
    questions: NDArray[np.int64]


@dataclass(frozen=True)
class MarkedRows:
    """Some rows of a batch, and what is learnt at their tokens.

    Attributes:
        tokens: int64 [rows, positions], filled with zeros at their ends.
        marks: by kind of what is learnt.
    """

    tokens: NDArray[np.int64]
    marks: Mapping[Kind, Marks]


class Documents:
    """Draws training rows for models that answer questions about documents.

    Args:
        prefix: token ids before every row, such as BOS; its last one ends an answer.
        forms: how questions are put; a chat needs the tokenizer's chat template.
        n_filings, seed: fictional filings of the pool ``training``, short ones.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        prefix: tuple[int, ...],
        forms: Sequence[QuestionForm],
        n_filings: int,
        seed: int,
    ) -> None:
        parts = Parts(tokenizer, prefix)
        truth, texts = fictional_filings(n_filings, seed, length="short", names="training")
        questions = shipped_questions()
        self._filings = [parts.tokens(text) for text in texts["text"]]
        self._answers: dict[QuestionId, list[list[int]]] = {
            name: [
                parts.answer(as_written(question.kind, str(value), text), spaced=True) or []
                for value, text in zip(truth[question.column], texts["text"], strict=True)
            ]
            for name, question in questions.items()
        }
        self._frames: dict[QuestionForm, dict[QuestionId, Frame]] = {
            form: {name: parts.frame(form, questions[name], _NULL_QUERY) for name in questions}
            for form in forms
        }
        self._statements = {name: parts.tokens(f" {q.cue}") for name, q in questions.items()}
        self._roles = {
            name: [parts.tokens(f" {word}")[0] for word in words] for name, words in ROLES.items()
        }
        self._haystack = np.array(parts.tokens(shipped_haystack()))
        self._passages = [parts.tokens(f" {text}")[:_TEXT] for text in word_list("passages")]
        self._stop = parts.tokens(".")
        self._words = np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)
        self._prefix, self._rng = list(prefix), np.random.default_rng(seed)
        self._order: list[int] = []

    def stated(self, n_rows: int) -> MarkedRows:
        """A filing, then its four facts as statements in any order."""
        return _marked([self._stated(filing) for filing in self._some(n_rows)])

    def asked(self, n_rows: int, form: QuestionForm, n_haystack: int) -> MarkedRows:
        """A filing in ``n_haystack`` tokens of prose, then the four questions in any order."""
        return _marked([self._asked(filing, form, n_haystack) for filing in self._some(n_rows)])

    def repeated(self, n_rows: int) -> Rows:
        """Random tokens, and the same once more, of which each but the first counts."""
        period = int(self._rng.integers(_PERIODS[0], _PERIODS[1] + 1))
        rows, labels = [], []
        for _ in range(n_rows):
            drawn = self._rng.choice(self._words, size=period, replace=False)
            rows.append([*self._prefix, *drawn, *drawn[:-1]])
            labels.append([IGNORE] * (len(self._prefix) + period) + [*drawn[1:]])
        return Rows(_matrix(rows, 0), _matrix(labels, IGNORE))

    def plain_text(self, n_rows: int) -> Rows:
        """The beginnings of shipped passages; every token counts."""
        drawn = self._rng.integers(len(self._passages), size=n_rows)
        texts = [[*self._prefix, *self._passages[passage]] for passage in drawn]
        return Rows(_matrix([t[:-1] for t in texts], 0), _matrix([t[1:] for t in texts], IGNORE))

    def _some(self, n: int) -> Iterator[int]:
        """Filings, each of them once before any comes again."""
        for _ in range(n):
            if not self._order:
                self._order = [int(i) for i in self._rng.permutation(len(self._filings))]
            yield self._order.pop()

    def _stated(self, filing: int) -> _Row:
        row = _Row()
        row.say(self._prefix)
        self._say_filing(row, filing)
        for question in self._rng.permutation(len(QUESTION_IDS)):
            row.say(self._statements[QUESTION_IDS[question]])
            self._answer(row, filing, int(question))
        return row

    def _asked(self, filing: int, form: QuestionForm, n_haystack: int) -> _Row:
        begins = 0
        if self._rng.random() >= _FROM_THE_START:
            begins = int(self._rng.integers(len(self._haystack)))
        prose = np.take(self._haystack, np.arange(begins, begins + n_haystack), mode="wrap")
        depth = 0.5 if self._rng.random() < _IN_THE_MIDDLE else self._rng.random()
        before = int(depth * n_haystack)
        frames = self._frames[form]
        head = next(iter(frames.values())).head
        row = _Row()
        row.say([*head, *prose[:before]])
        self._say_filing(row, filing)
        row.say(prose[before:])
        for nth, question in enumerate(self._rng.permutation(len(QUESTION_IDS))):
            # What begins the user's turn in a chat stands before the context already.
            turn = head[len(self._prefix) :] if nth else ()
            row.say([*turn, *frames[QUESTION_IDS[question]].suffix])
            self._answer(row, filing, int(question))
            row.mark("later", self._prefix[-1], int(question))
        return row

    def _say_filing(self, row: _Row, filing: int) -> None:
        """The filing, with the roles of its facts."""
        tokens = self._filings[filing]
        begins = len(row.tokens)
        row.say(tokens)
        for question, name in enumerate(QUESTION_IDS):
            answer = self._answers[name][filing]
            places = range(len(tokens) - len(answer) + 1)
            said = next((i for i in places if tokens[i : i + len(answer)] == answer), None)
            if said is not None:
                for place, role in enumerate(self._roles[name][: len(answer)], begins + said):
                    row.mark("role_said", role, question, place)

    def _answer(self, row: _Row, filing: int, question: int) -> None:
        name = QUESTION_IDS[question]
        answer = self._answers[name][filing]
        for place, token in enumerate([*answer, *self._stop]):
            row.mark("later" if place else "first", token, question)
            if place < len(answer):
                row.mark("role_asked", self._roles[name][place], question)
            row.say([token])


class _Row:
    """Tokens, and what is learnt at them: position, label, question."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.marks: dict[Kind, list[tuple[int, int, int]]] = {
            "first": [],
            "later": [],
            "role_said": [],
            "role_asked": [],
        }

    def say(self, tokens: Sequence[int] | NDArray[np.int64]) -> None:
        """Further tokens."""
        self.tokens += [int(token) for token in tokens]

    def mark(self, kind: Kind, label: int, question: int, position: int | None = None) -> None:
        """What is to be learnt at a token, the last one so far where it is not said."""
        place = len(self.tokens) - 1 if position is None else position
        self.marks[kind].append((place, label, question))


def _marked(rows: Sequence[_Row]) -> MarkedRows:
    marks: dict[Kind, Marks] = {}
    for kind in rows[0].marks:
        found = np.array([(i, *mark) for i, row in enumerate(rows) for mark in row.marks[kind]])
        marks[kind] = Marks(*found.T)
    return MarkedRows(_matrix([row.tokens for row in rows], 0), marks)


def _matrix(rows: Sequence[Sequence[int]], filling: int) -> NDArray[np.int64]:
    """Rows of different lengths, filled at their ends."""
    matrix = np.full((len(rows), max(map(len, rows))), filling, dtype=np.int64)
    for place, row in enumerate(rows):
        matrix[place, : len(row)] = row
    return matrix
