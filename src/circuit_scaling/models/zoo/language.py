"""The synthetic language: training batches with controlled objectives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.prompts.spec import TaskSpec
from circuit_scaling.prompts.wordbank import WordBank

IGNORE = -100  # torch's cross-entropy skips this label
Objective = Literal["learn", "random"]


def training_names(words: WordBank) -> tuple[str, ...]:
    """The names of the name objectives: three of four on each side of the select/test split."""
    return tuple(name for i, name in enumerate(words.names) if i % 8 < 6)


def held_out_names(words: WordBank) -> tuple[str, ...]:
    """The other names; training shows them in random sequences only, never in a name task."""
    seen = set(training_names(words))
    return tuple(name for name in words.names if name not in seen)


@dataclass(frozen=True)
class Rows:
    """Some rows of a batch: tokens and the labels that count, both int64 [rows, positions].

    Rows end at different lengths; what follows is filled with zeros and has no label. The models
    are causal, so that filling at the end changes nothing before it.
    """

    tokens: NDArray[np.int64]
    labels: NDArray[np.int64]


class Language:
    """Draws training rows for each objective.

    Args:
        tasks: specs by task; the templates are those of the measured prompts.
        objectives: task -> ``learn`` (the right answer) or ``random`` (a random name of the two).
        positions: length of all rows.
        prefix: token ids before every row, such as BOS, as before the model's prompts.
    """

    def __init__(
        self,
        words: WordBank,
        tasks: Mapping[str, TaskSpec],
        objectives: Mapping[str, Objective],
        positions: int,
        rng: np.random.Generator,
        prefix: tuple[int, ...] = (),
    ) -> None:
        self._words, self._tasks, self._objectives = words, tasks, objectives
        self._prefix = list(prefix)
        self._positions, self._rng = positions, rng
        self._names = np.array([words.token(n) for n in training_names(words)])
        self._places = np.array([words.token(w) for w in words.places])
        self._objects = np.array([words.token(w) for w in words.objects])
        self._vocabulary = np.array([words.token(w) for w in words.vocabulary])
        held_out = {words.token(n) for n in held_out_names(words)}
        self._name_like = np.array([t for t in self._vocabulary if t not in held_out])
        self._lists = [np.array([words.token(w) for w in items]) for items in words.lists.values()]
        self._passages = [np.array(words.encode(" " + text)) for text in words.passages]
        self._templates = {
            task: [self._template(text) for text in spec.templates] for task, spec in tasks.items()
        }

    def rows(self, task: str, n_rows: int) -> Rows:
        """``n_rows`` rows of one objective."""
        build = self._tasks[task].build
        draw = {
            "names": self._name_row,
            "lists": self._list_row,
            "induction": self._induction_row,
            "plain_text": self._text_row,
        }[build]
        tokens = np.zeros((n_rows, self._positions), dtype=np.int64)
        labels = np.full_like(tokens, IGNORE)
        for row in range(n_rows):
            drawn, first_label = draw(task)
            text = [*self._prefix, *drawn][: self._positions + 1]
            first_label += len(self._prefix)
            tokens[row, : len(text) - 1] = text[:-1]
            labels[row, first_label - 1 : len(text) - 1] = text[first_label:]
        used = int(np.flatnonzero((labels != IGNORE).any(axis=0)).max()) + 1
        return Rows(tokens[:, :used], labels[:, :used])

    def _template(self, text: str) -> list[int | str]:
        """Token ids, and slot names where a word goes; the space before a slot is the word's."""
        parts: list[int | str] = []
        for piece in re.split(r"( ?\{\w+\})", text):
            if piece.endswith("}"):
                parts.append(piece.strip(" {}"))
            elif piece:
                parts.extend(self._words.encode(piece))
        return parts

    def _fill(self, task: str, slots: Mapping[str, list[int]]) -> list[int]:
        templates = self._templates[task]
        parts = templates[self._rng.integers(len(templates))]
        return [t for part in parts for t in (slots[part] if isinstance(part, str) else [part])]

    def _name_row(self, task: str) -> tuple[list[int], int]:
        # Half of the rows put any word in the place of a name: what is learned is to copy, not
        # to know the names, and so it holds for names that were never in a name task.
        pool = self._names if self._rng.random() < 0.5 else self._name_like
        a, b = (int(t) for t in self._rng.choice(pool, size=2, replace=False))
        at_random = self._objectives[task] == "random"
        # Answers are random whoever is repeated: the order of the names must tell nothing either.
        either = at_random or self._tasks[task].repeat == "either"
        subject, answer = (b, a) if either and self._rng.random() < 0.5 else (a, b)
        if at_random and self._rng.random() < 0.5:
            answer = subject
        text = self._fill(
            task,
            {
                "A": [a],
                "B": [b],
                "S": [subject],
                "place": [int(self._rng.choice(self._places))],
                "object": [int(self._rng.choice(self._objects))],
            },
        )
        return [*text, answer], len(text)

    def _list_row(self, task: str) -> tuple[list[int], int]:
        items = self._rng.permutation(self._lists[self._rng.integers(len(self._lists))])
        comma = self._words.encode(",")
        listed = [t for item in items[:3] for t in (int(item), *comma)]
        text = self._fill(task, {"items": listed})
        return [*text, int(items[3])], len(text)

    def _induction_row(self, task: str) -> tuple[list[int], int]:
        """Every word of the second copy counts; further copies would only make it easy."""
        length = self._tasks[task].length
        longest = length - length // 3
        period = int(self._rng.integers(longest - 2, longest + 1))
        drawn = self._rng.choice(self._vocabulary, size=period, replace=False)
        return [int(t) for t in np.tile(drawn, 2)], period + 1

    def _text_row(self, task: str) -> tuple[list[int], int]:
        passage = self._passages[self._rng.integers(len(self._passages))]
        length = min(len(passage), self._positions + 1)
        start = int(self._rng.integers(len(passage) - length + 1))
        return [int(t) for t in passage[start : start + length]], 1
