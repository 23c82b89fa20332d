"""Read a table of head effects from a file; what is no such table is refused in one line."""

from __future__ import annotations

import logging
from collections.abc import Callable
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
_SHOWN = 5
_log = logging.getLogger(__name__)


def read_head_table(given: str | None) -> tuple[Path, pd.DataFrame]:
    """The file and its rows with the columns of ``COLUMNS``, numbers to the last bit.

    A relative path starts at the working directory. Further columns are left out, and logged.
    Effects that are missing or infinite stay in: finding them is for the checks.

    Raises:
        CircuitScalingError: no path, no such file, another format, missing columns, no rows, a
            layer or head that is no whole number, an effect that is text, a model without name,
            or one in two families.
    """
    path = _existing(given)
    frame = _parsed(path)
    absent = [name for name in COLUMNS if name not in frame]
    if absent:
        raise CircuitScalingError(
            f"'{path}' has no column {', '.join(absent)}. It must have {', '.join(COLUMNS)}; it "
            f"has {', '.join(map(str, frame.columns)) or 'none'}."
        )
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
    for name in (*_INDICES, *DELTAS):
        frame[name] = _numbers(path, frame[name])
    for name in _INDICES:
        whole = (frame[name] >= 0) & (frame[name] % 1 == 0)
        _refuse(path, frame[name], ~whole, "is not a whole number from 0 on")
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
        ".parquet": pd.read_parquet,
    }
    if path.suffix.lower() not in readers:
        raise CircuitScalingError(f"'{path}' is neither a .csv nor a .parquet file.")
    try:
        return readers[path.suffix.lower()](path)
    except (ValueError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CircuitScalingError(f"'{path}' cannot be read: {reason}") from error


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(
        path,
        dtype=dict.fromkeys(_NAMES, str),
        keep_default_na=False,
        na_values={name: _NO_NUMBER for name in (*_INDICES, *DELTAS)},
        float_precision="round_trip",
        encoding="utf-8-sig",
        low_memory=False,
    )


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
