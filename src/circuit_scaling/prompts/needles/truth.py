"""The ground truth about filings and their texts: what can be used is checked and counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.needles.questions import Question
from circuit_scaling.prompts.needles.values import value_of
from circuit_scaling.vocabulary import QuestionId

NAME = "registrant_name_truth"
_SHOWN = 3


@dataclass(frozen=True)
class Filings:
    """Filings that have a text, with the answers to be asked for.

    Attributes:
        texts: by file name.
        answers: question -> file name -> answer, written as ``value_of`` writes it.
        counts: ``filings``, ``filings_without_text``, and for each question ``<id>_usable``,
            ``<id>_missing`` (nothing there) and ``<id>_unusable`` (something that is no answer).
    """

    texts: Mapping[str, str]
    answers: Mapping[QuestionId, Mapping[str, str]]
    counts: dict[str, int]


def usable_filings(
    truth: pd.DataFrame, texts: pd.DataFrame, questions: Mapping[QuestionId, Question]
) -> Filings:
    """Keep what can be asked about: filings with a text, and of their answers those that are some.

    Args:
        truth: one row per filing: ``filename``, and the column of each question; others may be
            there. Empty cells and ``NULL`` are missing, whole numbers may be floats.
        texts: ``filename`` and ``text``; rows of other filings may be there. A filing without a row
            here, or with a blank text, is left out and counted.

    Raises:
        CircuitScalingError: a column is missing; a filing comes twice or has no name; no filing has
            a text; a question has no usable answer.
    """
    _has_columns(truth, "ground truth", ["filename", *(q.column for q in questions.values())])
    _has_columns(texts, "filings' texts", ["filename", "text"])
    named, written = _by_name(truth, "ground truth"), _by_name(texts, "filings' texts")
    bodies = {name: _cell(text) for name, text in written["text"].items()}
    kept = {str(name): bodies[name] for name in named.index if bodies.get(name)}
    if not kept:
        raise CircuitScalingError(
            f"None of the {len(named)} filings of the ground truth has a text: the column "
            "'filename' of both tables must hold the same names "
            f"({_example(named.index)} against {_example(written.index)})."
        )
    counts = {"filings": len(named), "filings_without_text": len(named) - len(kept)}
    answers = {}
    for question, spec in questions.items():
        cells = {name: _cell(named.at[name, spec.column]) for name in kept}
        answers[question] = _answers(question, spec, cells, counts)
    return Filings(kept, answers, counts)


def _answers(
    question: QuestionId, spec: Question, cells: Mapping[str, str], counts: dict[str, int]
) -> dict[str, str]:
    """The usable cells of a column, which are counted with the others."""
    given = {name: cell for name, cell in cells.items() if cell}
    values = {name: value_of(spec.kind, cell) for name, cell in given.items()}
    usable = {name: value for name, value in values.items() if value is not None}
    wrong = [cell for name, cell in given.items() if name not in usable]
    counts[f"{question}_usable"] = len(usable)
    counts[f"{question}_missing"] = len(cells) - len(given)
    counts[f"{question}_unusable"] = len(wrong)
    if not usable:
        seen = f", such as {_example(wrong)}" if wrong else ""
        raise CircuitScalingError(
            f"No filing has a usable answer to '{question}': in column '{spec.column}' "
            f"{len(cells) - len(given)} cells are empty and {len(wrong)} are no {spec.kind}{seen}. "
            f"Fill the column, or leave '{question}' out of 'questions'."
        )
    return usable


def _has_columns(frame: pd.DataFrame, what: str, columns: Collection[str]) -> None:
    missing = [column for column in columns if column not in frame]
    if missing:
        raise CircuitScalingError(
            f"The table of the {what} lacks the columns {', '.join(missing)}: it has "
            f"{', '.join(map(str, frame.columns)) or 'none'}."
        )


def _by_name(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """The rows by file name, each of which must be there once."""
    names = frame["filename"].map(_cell)
    if (names == "").any():
        rows = ", ".join(
            str(row) for row in names.reset_index(drop=True).loc[lambda s: s == ""].index[:_SHOWN]
        )
        raise CircuitScalingError(f"The table of the {what} has no 'filename' in rows {rows}.")
    twice = names[names.duplicated()]
    if len(twice):
        raise CircuitScalingError(
            f"The table of the {what} has {_example(twice.unique())} more than once: keep one row "
            "per filing."
        )
    return frame.set_axis(pd.Index(names), axis="index")


def _cell(value: Any) -> str:
    """A cell as text; missing values, white space and ``NULL`` are empty."""
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return ""
    text = str(value).strip()
    return "" if text.upper() == "NULL" else text


def _example(values: Collection[object]) -> str:
    shown = [f"'{value}'" for value in list(values)[:_SHOWN]]
    return ", ".join(shown) or "none"
