"""The few kinds of things a section of the report is made of, and how values are written."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from circuit_scaling.figures.stored import StoredFigure
from circuit_scaling.figures.style import CATEGORIES, family_looks, number, order_models, task_looks
from circuit_scaling.vocabulary import counted as counted  # noqa: PLC0414 chapters have it from here

MISSING = "–"
ABILITY_FLAGS = {"able": "", "unable": "not competent", "unknown": "competence not known"}
FILTERS = ("family", "model", "category", "competence")
"""By what the rows of tables can be picked on the page."""

LONGEST = 2000
"""Rows of a table on the page; pairs of models are more than a browser sorts at once."""


@dataclass(frozen=True)
class Cell:
    """One entry of a table: a value, a smaller line below it, and an optional warning mark.

    ``tags`` are (filter, value) pairs of :data:`FILTERS` that hold for the whole row; ``value`` is
    what a number is sorted by, with all its digits.
    """

    text: str
    note: str = ""
    flag: str = ""
    numeric: bool = False
    code: bool = False
    parts: tuple[tuple[str, str], ...] = ()  # (category, text) pairs, written in its colour
    tags: tuple[tuple[str, str], ...] = ()
    value: float | None = None

    @property
    def order(self) -> str:
        """What it is sorted by: the number, or else the text; empty where nothing was measured."""
        if self.value is not None:
            return "" if math.isnan(self.value) else repr(self.value)
        found = re.match(r"[-−]?[\d,]*\.?\d+", self.text)
        if found:
            return found[0].replace("−", "-").replace(",", "")
        return "" if self.text == MISSING else self.text


@dataclass(frozen=True)
class Table:
    """A table; rows numbered in ``quiet`` are grey, a ``folded`` one is closed at first.

    ``model`` names the one that the whole table is about.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str
    quiet: frozenset[int] = frozenset()
    folded: bool = False
    model: str = ""
    kind: str = field(default="table", init=False)

    def is_numeric(self, column: int) -> bool:
        """True where the cells of a column are numbers, so that its head stands over them."""
        return any(row[column].numeric for row in self.rows)

    def tags(self, row: Sequence[Cell]) -> dict[str, str]:
        """What a row can be picked by: filter -> value."""
        own = {"model": self.model} if self.model else {}
        return own | {name: value for cell in row for name, value in cell.tags}


@dataclass(frozen=True)
class Drawing:
    """A figure by its name, with its caption."""

    name: str
    caption: str
    kind: str = field(default="drawing", init=False)


@dataclass(frozen=True)
class Plot:
    """The place of the interactive phase space."""

    caption: str
    kind: str = field(default="plot", init=False)


@dataclass(frozen=True)
class Missing:
    """A part that was not made, by the tables that it needs."""

    tables: tuple[str, ...]
    kind: str = field(default="missing", init=False)


Block = Table | Drawing | Plot | Missing


@dataclass(frozen=True)
class Section:
    """One chapter of the page: its sentences, then its blocks."""

    anchor: str
    title: str
    sentences: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()


def text_cell(value: object, note: str = "", flag: str = "") -> Cell:
    """A word; a missing one is a dash."""
    return Cell(MISSING if _is_missing(value) else str(value), note, flag)


def model_cell(model: object, suspect: Collection[str] = (), ability: str = "able") -> Cell:
    """A model's name, marked where it fails the task, is ``suspect``, or may or may not fail.

    ``ability`` is that of :func:`~circuit_scaling.figures.style.abilities`.
    """
    flag = ABILITY_FLAGS[ability]
    tags: tuple[tuple[str, str], ...] = (("model", str(model)),)
    if flag:
        tags += (("competence", flag),)
    shown = "suspect" if model in suspect and ability != "unable" else flag
    return Cell(str(model), flag=shown, tags=tags)


def category_cell(category: str, note: str = "") -> Cell:
    """A category of heads as it is called in legends."""
    return Cell(CATEGORIES[category].label, note, tags=(("category", category),))


def code_cell(value: object) -> Cell:
    """A path, name or hash, written in the fixed-width face."""
    return Cell(MISSING if _is_missing(value) else str(value), code=not _is_missing(value))


def number_cell(value: object, digits: int = 2, note: str = "", flag: str = "") -> Cell:
    """A number with a real minus sign; one that was not measured is a dash."""
    known = as_float(value)
    return Cell(number(known, digits), note, flag, numeric=True, value=known)


def count_cell(value: object, note: str = "") -> Cell:
    """A whole number."""
    return number_cell(value, 0, note)


def effect_cell(value: object, se: object, digits: int = 3) -> Cell:
    """An effect with its standard error below it."""
    known = not _is_missing(value) and not _is_missing(se)
    note = f"± {number(as_float(se), digits)}" if known else ""
    return number_cell(value, digits, note)


def share(value: object, digits: int = 0) -> str:
    """A share in 0..1 as a percentage."""
    return MISSING if _is_missing(value) else f"{number(100 * as_float(value), digits)} %"


def interval(low: object, high: object, digits: int = 2) -> str:
    """``[low, high]``, or nothing where there is no interval."""
    if _is_missing(low) or _is_missing(high):
        return ""
    return f"[{number(as_float(low), digits)}, {number(as_float(high), digits)}]"


def share_interval(low: object, high: object) -> str:
    """An interval of shares in percent, or nothing where there is none."""
    if _is_missing(low) or _is_missing(high):
        return ""
    return f"[{number(100 * as_float(low), 0)}, {number(100 * as_float(high), 0)}] %"


def spaced(bounds: str) -> str:
    """The bounds behind a number, or nothing where there are none."""
    return f" {bounds}" if bounds else ""


def head_name(layer: object, head: object) -> str:
    """The field's short name of a head, such as L9H6."""
    return f"L{layer}H{head}"


def listed(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def as_float(value: Any) -> float:
    """The value as a float; missing values of every kind become NaN."""
    return float("nan") if _is_missing(value) else float(value)


def arrange(frame: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Rows by model in ``order``; models that it does not name follow, in the figures' order."""
    names = [*order, *(model for model in order_models(frame) if model not in set(order))]
    ranks = {model: rank for rank, model in enumerate(names)}
    return frame.sort_values(
        "model", key=lambda column: column.map(ranks), kind="stable", ignore_index=True
    )


def column(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column, or one of missing values where the table does not carry it."""
    if name in frame.columns:
        return frame[name]
    return pd.Series([None] * len(frame), index=frame.index, dtype=object)


def columns(frame: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    """The named columns row by row; one that the table does not carry gives missing values."""
    return list(zip(*(column(frame, name) for name in names), strict=True))


def rows_of(frame: pd.DataFrame) -> list[Any]:
    """The rows, with the columns as attributes; a name in place of a position can be read."""
    return list(frame.itertuples(index=False))


def first_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows that the page shows, and the sentence that says so where they are not all."""
    if len(frame) <= LONGEST:
        return frame, ""
    told = f" The first {LONGEST:,} of {len(frame):,} rows: the others are in the stored table."
    return frame.head(LONGEST), told


def without_unknown(table: Table) -> Table | None:
    """The table without columns in which nothing is known; None where only one would be left."""
    kept = [
        place
        for place in range(len(table.head))
        if any(row[place].text != MISSING or row[place].note for row in table.rows)
    ]
    if len(kept) < 2:
        return None
    return replace(
        table,
        head=[table.head[place] for place in kept],
        rows=[[row[place] for place in kept] for row in table.rows],
    )


def drawing(figures: Mapping[str, StoredFigure], name: str, caption: str) -> tuple[Drawing, ...]:
    """The named figure, or nothing where the caller has not passed it."""
    return (Drawing(name, caption),) if name in figures else ()


def task_name(task: object) -> str:
    """The task as it is called in legends."""
    return next(iter(task_looks([str(task)]).values())).label


def family_name(family: object) -> str:
    """The family as it is called in legends."""
    return next(iter(family_looks([str(family)]).values())).label


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
