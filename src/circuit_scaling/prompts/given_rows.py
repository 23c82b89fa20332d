"""The rows of a task's file, as they stand there: what no tokenizer is needed to refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from circuit_scaling import given_files
from circuit_scaling.prompts.spec import TaskSpec

BETWEEN_WORDS = "|"
"""Between several words in a cell of CSV."""
_WORDS = ("answer", "distractor", "candidates", "choices")
_TEXTS = ("clean", "corrupt", "cluster", "template")
_Column = Callable[[str], pd.Series]


@dataclass(frozen=True)
class GivenRow:
    """One prompt as a file has it.

    Attributes:
        number: its row, from 1.
        clean, corrupt: texts; ``corrupt`` is empty where it is not asked for.
        answer, distractor, candidates: words, or numbers of tokens; a word that begins with a space
            is meant with it.
        cluster, template: names; empty where the file does not say.
    """

    number: int
    clean: str
    corrupt: str
    answer: tuple[str, ...]
    distractor: tuple[str, ...]
    candidates: tuple[str, ...]
    cluster: str
    template: str


def read_rows(task: str, spec: TaskSpec) -> list[GivenRow]:
    """The rows of the file of a task.

    Raises:
        CircuitScalingError: the file is not there, is no CSV or parquet, lacks a column or rows; a
            cell is empty; a text ends with a space; a corrupt text is the clean one; an answer is
            its own distractor, or not among the choices. Names columns as the file does.
    """
    path = spec.path
    columns = _columns_of(task, spec)
    frame = given_files.read_file(path, columns)

    def column(name: str) -> pd.Series:
        return columns.of(frame, name)

    texts = {name: _texts(path, column(name)) for name in _TEXTS if name in frame}
    if spec.readout == "contrast":
        ends = texts["clean"].str.endswith(" ")
        given_files.refuse(
            path,
            texts["clean"],
            ends,
            "ends with a space, which belongs to the answer (a text ends right before it),",
        )
    if "corrupt" in texts:
        same = texts["corrupt"] == texts["clean"]
        given_files.refuse(path, texts["corrupt"], same, "is the clean text itself")
    words = _asked(path, spec, frame, column)
    nothing = pd.Series("", index=frame.index)
    no_words = pd.Series([()] * len(frame), index=frame.index)
    cells = zip(
        *(texts.get(name, nothing) for name in ("clean", "corrupt")),
        *(words.get(name, no_words) for name in ("answer", "distractor", "candidates")),
        *(texts.get(name, nothing) for name in ("cluster", "template")),
        strict=True,
    )
    return [GivenRow(number, *row) for number, row in enumerate(cells, 1)]


def _columns_of(task: str, spec: TaskSpec) -> given_files.Columns:
    """What the file must have, and what else it may have that is of use."""
    called = {name: at for name, at in spec.columns.model_dump().items() if at is not None}
    answered = spec.readout == "contrast"
    asked = ("answer", "distractor" if spec.columns.choices is None else "choices")
    corrupt = ("corrupt",) if spec.has_corrupt(task) else ()
    needed = dict.fromkeys(("clean", *corrupt, *(asked if answered else ())))
    known = dict.fromkeys((*needed, *(("candidates",) if answered else ()), "cluster", "template"))
    named = [name for name in spec.columns.model_fields_set if name in known]
    return given_files.Columns(
        texts=tuple(known),
        numbers=(),
        needed=tuple(dict.fromkeys((*needed, *named))),
        called=called,
        spaces_count=True,
    )


def _texts(path: Path, column: pd.Series) -> pd.Series:
    empty = column.isna() | (column.astype(str).str.strip() == "")
    given_files.refuse(path, column, empty, "is empty")
    return column.astype(str)


def _asked(
    path: Path, spec: TaskSpec, frame: pd.DataFrame, column: _Column
) -> dict[str, pd.Series]:
    """Answers, distractors and candidates, as tuples of words."""
    words = {name: _word_lists(path, column(name)) for name in _WORDS if name in frame}
    if "choices" in words:
        choices, places = words.pop("choices"), words["answer"]
        chosen = [_place(cell, len(of)) for cell, of in zip(places, choices, strict=True)]
        outside = pd.Series([place is None for place in chosen], index=frame.index)
        what = f"is no place in {spec.columns.choices}, from 0 on,"
        given_files.refuse(path, column("answer"), outside, what)
        pairs = list(zip(choices, (place or 0 for place in chosen), strict=True))
        words |= {
            "answer": _tuples([of[i : i + 1] for of, i in pairs], frame),
            "distractor": _tuples([(*of[:i], *of[i + 1 :]) for of, i in pairs], frame),
            "candidates": words.get("candidates", choices),
        }
    if "answer" in words:
        both = zip(words["answer"], words["distractor"], strict=True)
        same = [bool(_bare(right) & _bare(wrong)) for right, wrong in both]
        shared = pd.Series(same, index=frame.index)
        given_files.refuse(path, column("answer"), shared, "is the distractor as well")
        alone = words["distractor"].map(len) == 0
        given_files.refuse(path, column("answer"), alone, "has no other choice beside it")
    return words


def _word_lists(path: Path, column: pd.Series) -> pd.Series:
    lists = _tuples([_words(cell) for cell in column], column)
    empty = lists.map(lambda words: not words or any(not word.strip() for word in words))
    given_files.refuse(path, column, empty, "is empty")
    return lists


def _words(cell: Any) -> tuple[str, ...]:
    """One or several words of a cell: a list, or a text with bars between them."""
    if isinstance(cell, list | tuple | np.ndarray):
        return tuple(str(word) for word in cell)
    if cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell)):
        return ()
    if isinstance(cell, float) and cell.is_integer():  # whole numbers beside missing ones
        cell = int(cell)
    return tuple(str(cell).split(BETWEEN_WORDS))


def _tuples(words: Iterable[tuple[str, ...]], like: pd.DataFrame | pd.Series) -> pd.Series:
    return pd.Series(list(words), index=like.index, dtype=object)


def _place(cell: tuple[str, ...], n_choices: int) -> int | None:
    """The one whole number of a cell, if so many choices have it."""
    if len(cell) == 1 and cell[0].isdecimal() and int(cell[0]) < n_choices:
        return int(cell[0])
    return None


def _bare(words: tuple[str, ...]) -> set[str]:
    return {word.strip() for word in words}
