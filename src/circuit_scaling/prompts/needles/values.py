"""Answers of each kind, read from a cell of a table and from running text, as comparable words."""

from __future__ import annotations

import re
from decimal import Decimal

from circuit_scaling.prompts.needles.states import state_of, states_with_places
from circuit_scaling.vocabulary import AnswerKind

YEARS = range(1600, 2101)
"""In which a company can have been incorporated."""

_YEAR = re.compile(r"(?<!\d)(?<!\d\.)\d{4}(?!\d|\.\d|,\d{3}(?!\d))")
_NUMBER = re.compile(
    r"(?<!\d)(?P<digits>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?)(?:\s+(?P<scale>thousand|million)\b)?",
    re.IGNORECASE,
)
_WHOLE_NUMBER = re.compile(r"(\d{1,3}(,\d{3})+|\d+)(\.0*)?")
_SCALES = {"thousand": 1_000, "million": 1_000_000}


def value_of(kind: AnswerKind, cell: str) -> str | None:
    """What a cell says, written in one way; none where it is no answer of the kind.

    A state by its full name; a year and a count in digits alone, so that ``1929.0`` is ``1929``
    and ``14,200`` is ``14200``. Several states, a year outside ``YEARS``, a count of 0 and what is
    not a whole number are no answers.
    """
    if kind == "state":
        return state_of(cell)
    number = _WHOLE_NUMBER.fullmatch(cell.strip())
    if not number:
        return None
    value = int(number[1].replace(",", ""))
    usable = value in YEARS if kind == "year" else value > 0
    return str(value) if usable else None


def values_in(kind: AnswerKind, text: str) -> list[str]:
    """Everything in a text that may answer a question of the kind, in order, written as above.

    Years are numbers of exactly four digits; counts are all numbers, with their thousands
    separators, their decimals and a *thousand* or *million* behind them.
    """
    return [value for value, _ in values_with_places(kind, text)]


def values_with_places(kind: AnswerKind, text: str) -> list[tuple[str, tuple[int, int]]]:
    """The same with the characters of each value: where it begins, and where it has ended."""
    if kind == "state":
        return states_with_places(text)
    if kind == "year":
        return [(match.group(), match.span()) for match in _YEAR.finditer(text)]
    return [(_counted(match), match.span()) for match in _NUMBER.finditer(text)]


def as_written(kind: AnswerKind, value: str, text: str) -> str:
    """A value as the text writes it: a count with its separators, where the text has them."""
    if kind == "count" and f"{int(value):,}" in text:
        return f"{int(value):,}"
    return value


def _counted(match: re.Match[str]) -> str:
    scale = _SCALES[match["scale"].casefold()] if match["scale"] else 1
    number = Decimal(match["digits"].replace(",", "")) * scale
    return str(int(number)) if number == int(number) else str(number)
