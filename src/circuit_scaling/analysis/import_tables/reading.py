"""Read a table of head effects from a file; what is no such table is refused in one line."""

from __future__ import annotations

import csv
import io
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError

_NAMES = ("family", "model")
_INDICES = ("layer", "head")
DELTAS = ("delta_ioi", "delta_anti")
COLUMNS = (*_NAMES, *_INDICES, *DELTAS)
# Only in columns of numbers: a model may be called NA.
_NO_NUMBER = ["", "NA", "N/A", "nan", "NaN", "null", "None"]
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_LAST = 1_999  # no model has more layers, or more heads in one
_SHOWN = 5
_log = logging.getLogger(__name__)


def read_head_table(given: str | None) -> tuple[Path, pd.DataFrame]:
    """The file and its rows with the columns of ``COLUMNS``, numbers to the last bit.

    A relative path starts at the working directory. Further columns are left out, and logged.
    Effects that are missing or infinite stay in: finding them is for the checks.

    Raises:
        CircuitScalingError: no path, no such file, another format, columns that are missing or
            come twice, rows that are not as long as the header, no rows, a layer or head that is
            no whole number, an effect that is text, a model without name, or one in two families.
    """
    path = _existing(given)
    frame = _parsed(path)
    _need_every_column_once(path, [str(name) for name in frame.columns])
    further = [str(name) for name in frame if name not in COLUMNS]
    if further:
        _log.info("Columns of '%s' that are not used: %s.", path, ", ".join(further))
    if frame.empty:
        raise CircuitScalingError(f"'{path}' has no rows.")
    frame = frame[list(COLUMNS)].reset_index(drop=True)
    for name in _NAMES:
        nameless = frame[name].isna() | (frame[name].astype(str).str.strip() == "")
        _refuse(path, frame[name], nameless, "is empty")
        frame[name] = frame[name].astype(str)
        unprintable = ~frame[name].map(str.isprintable)
        _refuse(path, frame[name].map(ascii), unprintable, "holds unprintable characters")
    for name in (*_INDICES, *DELTAS):
        frame[name] = _numbers(path, frame[name])
    for name in _INDICES:
        whole = frame[name].between(0, _LAST) & (frame[name] % 1 == 0)
        _refuse(path, frame[name], ~whole, f"is not a whole number from 0 to {_LAST}")
        frame[name] = frame[name].astype(int)
    _one_family_each(path, frame)
    return path, frame


def _existing(given: str | None) -> Path:
    if not given:
        raise CircuitScalingError(
            "Which table is to be imported? Name a CSV or parquet file with the columns "
            f"{', '.join(COLUMNS)}: "
            + run_command(env="external", params={"import.joint_table": "PATH"})
        )
    path = Path(given).expanduser()
    if not path.is_file():
        raise CircuitScalingError(f"There is no file '{path}' to import (in '{Path.cwd()}').")
    return path


def _parsed(path: Path) -> pd.DataFrame:
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": _read_csv,
        ".parquet": _read_parquet,
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


def _read_csv(path: Path) -> pd.DataFrame:
    text = path.read_text(encoding="utf-8-sig")
    records = _records(text)
    _, header = next(records, (0, []))
    for line, record in records:
        if len(record) != len(header):
            raise CircuitScalingError(
                f"'{path}': line {line} has {len(record)} fields and the header has {len(header)}"
                f"{_separated(header)}. Write the same columns in every line."
            )
    frame = pd.read_csv(
        io.StringIO(text),
        dtype=dict.fromkeys(_NAMES, str),
        keep_default_na=False,
        na_values={name: _NO_NUMBER for name in (*_INDICES, *DELTAS)},
        float_precision="round_trip",
        skipinitialspace=True,
        low_memory=False,
    )
    return frame.set_axis(header, axis="columns")  # pandas renames a name that comes twice


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV text with the line on which each begins; blank lines are none."""
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    line = 1
    for record in reader:
        if "".join(record).strip() or len(record) > 1:
            yield line, record
        line = reader.line_num + 1


def _read_parquet(path: Path) -> pd.DataFrame:
    """The columns of the file, and those of ``COLUMNS`` that are its index."""
    frame = pd.read_parquet(path)
    return frame.reset_index([n for n in frame.index.names if n in COLUMNS and n not in frame])


def _need_every_column_once(path: Path, names: Sequence[str]) -> None:
    absent = [name for name in COLUMNS if name not in names]
    if absent:
        raise CircuitScalingError(
            f"'{path}' has no column {', '.join(absent)}{_separated(names)}. It must have "
            f"{', '.join(COLUMNS)}; it has {', '.join(names) or 'none'}."
        )
    twice = [name for name, count in Counter(names).items() if name in COLUMNS and count > 1]
    if twice:
        raise CircuitScalingError(
            f"'{path}' has the column {', '.join(twice)} more than once. Keep the right one."
        )


def _separated(header: Sequence[str]) -> str:
    """What seems to stand between the columns in place of commas, where that is plain to see."""
    for separator, name in _SEPARATORS.items():
        if any(field.count(separator) >= len(_INDICES) for field in header):
            return f" (its columns seem to be separated by {name}; they must be by commas)"
    return ""


def _numbers(path: Path, given: pd.Series) -> pd.Series:
    """The column as floats; a missing value stays missing, text is refused."""
    plain = given.astype(str).where(given.notna()) if given.dtype == object else given
    numbers = pd.to_numeric(plain, errors="coerce").astype(float)
    _refuse(path, given, numbers.isna() & given.notna(), "is not a number")
    return numbers


def _refuse(path: Path, column: pd.Series, bad: pd.Series, what: str) -> None:
    if not bad.any():
        return
    rows = np.flatnonzero(bad)
    shown = [f"row {row + 1} ({column.iloc[row]!s:.40})" for row in rows[:_SHOWN]]
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    raise CircuitScalingError(f"'{path}': {column.name} {what} in {', '.join(shown)}{more}.")


def _one_family_each(path: Path, frame: pd.DataFrame) -> None:
    families = frame.groupby("model", sort=False)["family"].unique()
    for model, names in families[families.map(len) > 1].items():
        raise CircuitScalingError(f"'{path}': model {model} is in the families {', '.join(names)}.")
