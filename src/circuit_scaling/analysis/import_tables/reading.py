"""Read a table of head effects from a file; what is no such table is refused in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from circuit_scaling import given_files
from circuit_scaling.analysis.import_tables.layouts import (
    DELTAS,
    heads_name_layers,
    is_by_task,
    tasks_side_by_side,
    with_indices,
    with_said,
)
from circuit_scaling.analysis.import_tables.settings import GivenFile
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.given_files import Columns

_NAMES = ("family", "model")
_INDICES = ("layer", "head")
COLUMNS = (*_NAMES, *_INDICES, *DELTAS)
# Heads are read as text, because their column may name layers as well.
_TEXTS = (*_NAMES, "head", "task")
_NUMBERS = ("layer", *DELTAS, "delta")


def read_head_table(given: GivenFile) -> pd.DataFrame:
    """The rows of a file with the columns of ``COLUMNS``, numbers to the last bit.

    A relative path starts at the working directory. Further columns are left out, and logged.
    Effects that are missing or infinite stay in: finding them is for the checks. There is no
    ``family`` where the file does not say it.

    Raises:
        CircuitScalingError: no such file, another format, columns that are missing or come twice,
            rows that are not as long as the header, no rows, a layer or head that is no whole
            number, an effect that is text, a model without name, or effects of one task only.
    """
    path = given_files.existing_file(given.file)
    columns = _columns(given, (*_TEXTS, *_NUMBERS))
    frame = given_files.parsed(path, columns)
    by_task = is_by_task(columns, frame)
    effects = ("delta",) if by_task else DELTAS
    known = (*_NAMES, *_INDICES, *effects, *(("task",) if by_task else ()))
    columns = _columns(given, known)
    columns = replace(columns, needed=_needed(given, frame, columns))
    _say_what_helps(path, frame, columns)
    frame = given_files.taken(path, frame, columns)
    frame = with_said(path, frame, given, columns)
    for name in (*_NAMES, "task"):
        if name in frame:
            frame[name] = given_files.named(path, columns.of(frame, name))
    frame = with_indices(path, frame, given, columns)
    for name in effects:
        frame[name] = given_files.numbers(path, columns.of(frame, name))
    if by_task:
        frame = tasks_side_by_side(path, frame, given.called, columns)
    return frame[[name for name in COLUMNS if name in frame]]


def _columns(given: GivenFile, names: tuple[str, ...]) -> Columns:
    """The columns of these names, under those that the file has for them; none must be there."""
    return Columns(
        texts=tuple(name for name in _TEXTS if name in names),
        numbers=tuple(name for name in _NUMBERS if name in names),
        needed=(),
        called={name: theirs for name, theirs in given.called.items() if name in names},
    )


def _needed(given: GivenFile, frame: pd.DataFrame, columns: Columns) -> tuple[str, ...]:
    """Columns that the file must have: those that nothing else tells, and those that are named."""
    told = {"family", *given.said}
    if heads_name_layers(frame, columns):
        told.add("layer")
    ordered = (name for name in (*COLUMNS, "task", "delta") if name in columns.known)
    return tuple(name for name in ordered if name in columns.called or name not in told)


def _say_what_helps(path: Path, frame: pd.DataFrame, columns: Columns) -> None:
    """Nothing where a file lacks no column, or too many for it to be plain what it is.

    Raises:
        CircuitScalingError: it lacks the model alone, or the effects of one task alone.
    """
    absent = [name for name in columns.needed if columns.in_file(name) not in frame]
    if absent == ["model"] and "model" not in columns.called:
        raise CircuitScalingError(
            f"'{path}' has no column model. Say which column has it, import.columns.model=NAME (it "
            f"has {', '.join(map(str, frame.columns))}), or, where all is of one model, its name "
            f"beside the path: import.joint_table.file={path},import.joint_table.model=NAME."
        )
    if absent in [[name] for name in DELTAS if name not in columns.called]:
        (there,) = (columns.in_file(name) for name in DELTAS if name not in absent)
        raise CircuitScalingError(
            f"'{path}' has the effects of one task only, {there}. Categories, scaling and transfer "
            "compare two tasks on the same heads, and nothing is filled in. Say which column has "
            f"the other effects, import.columns.{absent[0]}=NAME (it has "
            f"{', '.join(map(str, frame.columns))}), or measure both tasks with the pipelines scan "
            "and join."
        )
