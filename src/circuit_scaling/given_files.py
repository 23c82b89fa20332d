"""Read a table that somebody hands over as a file; what is no such table is refused in one line."""

from __future__ import annotations

import csv
import io
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.vocabulary import some_of

# Only in columns of numbers: a model may be called NA.
_NO_NUMBER = ["", "NA", "N/A", "nan", "NaN", "null", "None"]
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_SEEN_AT_LEAST = 2  # so often in a header, they stand between its columns
_SHOWN = 5
LAST_INDEX = 1_999
"""No model has more layers, or more heads in one."""
LARGEST = 10**9
"""No effect, score or count is larger; squares and axes of larger numbers would overflow."""
_LONGEST_NAME = 100  # of what is printed in tables, labels and captions
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Columns:
    """What a file may hold.

    Attributes:
        texts, numbers: names of the columns that are taken, by what they hold.
        needed: those that must be there.
        called: what the file calls them where that is another name; of a column of parquet that
            has parts, ``name.part`` is one of them.
        spaces_count: whether spaces at the beginning of a cell of CSV belong to it.
    """

    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    needed: tuple[str, ...]
    called: Mapping[str, str] = field(default_factory=dict)
    spaces_count: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """All columns that are taken."""
        return (*self.texts, *self.numbers)

    def in_file(self, name: str) -> str:
        """What the file calls a column."""
        return self.called.get(name, name)

    def of(self, frame: pd.DataFrame, name: str) -> pd.Series:
        """A column of what was read, under the name that the file has for it, for messages."""
        return frame[name].rename(self.in_file(name))


def existing_file(given: str) -> Path:
    """The file of that name; a relative path starts at the working directory.

    Raises:
        CircuitScalingError: there is no such file.
    """
    path = Path(given).expanduser()
    if not path.is_file():
        raise CircuitScalingError(f"There is no file '{path}' to import (in '{Path.cwd()}').")
    return path


def read_file(path: Path, columns: Columns) -> pd.DataFrame:
    """The rows of a CSV or parquet file with the known columns that it has, under our names.

    Further columns are left out, and logged. Numbers of a CSV file are read to the last bit, and
    cells of a column of numbers that hold text stay text.

    Raises:
        CircuitScalingError: another format, columns that are missing or come twice, rows that are
            not as long as the header, or no rows.
    """
    return taken(path, parsed(path, columns), columns)


def taken(path: Path, frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The known columns of what :func:`parsed` gives, under our names; the others are logged.

    Raises:
        CircuitScalingError: columns that are missing or come twice, or no rows.
    """
    _need_every_column_once(path, [str(name) for name in frame.columns], columns)
    ours = {columns.in_file(name): name for name in columns.known}
    further = [str(name) for name in frame if name not in ours]
    if further:
        _log.info("Columns of '%s' that are not used: %s.", path, ", ".join(further))
    if frame.empty:
        raise CircuitScalingError(f"'{path}' has no rows.")
    there = [name for name in ours if name in frame]
    return frame[there].rename(columns=ours).reset_index(drop=True)


def named(path: Path, column: pd.Series) -> pd.Series:
    """A column of names as texts.

    Raises:
        CircuitScalingError: one is empty, very long, or cannot be printed.
    """
    nameless = column.isna() | (column.astype(str).str.strip() == "")
    refuse(path, column, nameless, "is empty")
    names = column.astype(str)
    unprintable = ~names.map(str.isprintable)
    refuse(path, names.map(ascii), unprintable, "holds unprintable characters")
    long = names.str.len() > _LONGEST_NAME
    refuse(path, names, long, f"is longer than {_LONGEST_NAME} characters")
    return names


def numbers(path: Path, column: pd.Series) -> pd.Series:
    """A column as floats; what is missing or infinite stays so.

    Raises:
        CircuitScalingError: a cell holds text, or a number too large to be calculated with.
    """
    found = _no_text(path, column)
    large = np.isfinite(found) & (found.abs() > LARGEST)
    refuse(path, column, large, f"is beyond {LARGEST:,} in size")
    return found


def _no_text(path: Path, column: pd.Series) -> pd.Series:
    found = as_numbers(column)
    refuse(path, column, found.isna() & column.notna(), "is not a number")
    return found


def as_numbers(column: pd.Series) -> pd.Series:
    """A column as floats; what is no number is missing."""
    plain = column.astype(str).where(column.notna()) if column.dtype == object else column
    return pd.to_numeric(plain, errors="coerce").astype(float)


def whole_numbers(
    path: Path, column: pd.Series, last: int = LAST_INDEX, first: int = 0
) -> pd.Series:
    """A column of whole numbers from ``first`` to ``last``.

    Raises:
        CircuitScalingError: a cell holds something else, or nothing.
    """
    found = _no_text(path, column)
    whole = found.between(first, last) & (found % 1 == 0)
    refuse(path, found, ~whole, f"is not a whole number from {first} to {last}")
    return found.astype(int)


def refuse(path: Path, column: pd.Series, bad: pd.Series, what: str) -> None:
    """Nothing where no row is bad.

    Raises:
        CircuitScalingError: names the column, the first few bad rows, counted from 1, and
            ``what`` their cells are.
    """
    if not bad.any():
        return
    rows = np.flatnonzero(bad)
    shown = [f"row {row + 1} ({column.iloc[row]!s:.40})" for row in rows[:_SHOWN]]
    raise CircuitScalingError(f"'{path}': {column.name} {what} in {some_of(shown, len(rows))}.")


def one_family_each(where: Path | str, frame: pd.DataFrame) -> None:
    """Nothing where every ``model`` has one ``family``.

    Args:
        where: the file that the frame is of, or files.

    Raises:
        CircuitScalingError: names a model that has several.
    """
    families = frame.groupby("model", sort=False)["family"].unique()
    for model, found in families[families.map(len) > 1].items():
        raise CircuitScalingError(
            f"'{where}': model {model} is in the families {', '.join(found)}."
        )


def parsed(path: Path, columns: Columns) -> pd.DataFrame:
    """The rows of a CSV or parquet file with all its columns, as it calls them.

    Raises:
        CircuitScalingError: another format, or rows that are not as long as the header.
    """
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": partial(_read_csv, columns=columns),
        ".parquet": partial(_read_parquet, columns=columns),
    }
    if path.suffix.lower() not in readers:
        raise CircuitScalingError(f"'{path}' is neither a .csv nor a .parquet file.")
    try:
        return readers[path.suffix.lower()](path)
    except UnicodeDecodeError as error:
        raise CircuitScalingError(
            f"'{path}' is not UTF-8 text (byte {error.start}). Save it as CSV in UTF-8."
        ) from error
    except (ValueError, OSError, csv.Error) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CircuitScalingError(f"'{path}' cannot be read: {reason}") from error


def _read_csv(path: Path, columns: Columns) -> pd.DataFrame:
    text = path.read_text(encoding="utf-8-sig")
    skip = not columns.spaces_count
    records = _records(text, skip)
    _, header = next(records, (0, []))
    for line, record in records:
        if len(record) != len(header):
            raise CircuitScalingError(
                f"'{path}': line {line} has {len(record)} fields and the header has {len(header)}"
                f"{_separated(header)}. Write the same columns in every line."
            )
    frame = pd.read_csv(
        io.StringIO(text),
        dtype=dict.fromkeys(map(columns.in_file, columns.texts), str),
        keep_default_na=False,
        na_values=dict.fromkeys(map(columns.in_file, columns.numbers), _NO_NUMBER),
        float_precision="round_trip",
        skipinitialspace=skip,
        low_memory=False,
    )
    return frame.set_axis(header, axis="columns")  # pandas renames a name that comes twice


def _records(text: str, skip_spaces: bool) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV text with the line on which each begins; blank lines are none."""
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=skip_spaces, strict=True)
    line = 1
    for record in reader:
        if "".join(record).strip() or len(record) > 1:
            yield line, record
        line = reader.line_num + 1


def _read_parquet(path: Path, columns: Columns) -> pd.DataFrame:
    """The columns of the file, known ones that are its index, and known parts of columns."""
    frame = pd.read_parquet(path)
    known = {columns.in_file(name) for name in columns.known}
    index = [name for name in frame.index.names if name in known and name not in frame]
    frame = frame.reset_index(index)
    for name in sorted(known):
        whole, _, part = name.partition(".")
        if part and name not in frame and whole in frame:
            cells = [_part_of(cell, part) for cell in frame[whole]]
            if any(cell is not None for cell in cells):
                frame[name] = pd.Series(cells, index=frame.index, dtype=object)
    return frame


def _part_of(cell: Any, path: str) -> Any:
    """What a cell holds under the names that dots separate; None where there is no such part."""
    for name in path.split("."):
        cell = cell.get(name) if isinstance(cell, Mapping) else None
    return cell


def _need_every_column_once(path: Path, names: Sequence[str], columns: Columns) -> None:
    needed = list(map(columns.in_file, columns.needed))
    absent = [name for name in needed if name not in names]
    if absent:
        raise CircuitScalingError(
            f"'{path}' has no column {', '.join(absent)}{_separated(names)}. It must have "
            f"{', '.join(needed)}; it has {', '.join(names) or 'none'}."
        )
    known = set(map(columns.in_file, columns.known))
    twice = [name for name, n in Counter(names).items() if name in known and n > 1]
    if twice:
        raise CircuitScalingError(
            f"'{path}' has the column {', '.join(twice)} more than once. Keep the right one."
        )


def _separated(header: Sequence[str]) -> str:
    """What seems to stand between the columns in place of commas, where that is plain to see."""
    for separator, name in _SEPARATORS.items():
        if any(field.count(separator) >= _SEEN_AT_LEAST for field in header):
            return f" (its columns seem to be separated by {name}; they must be by commas)"
    return ""
