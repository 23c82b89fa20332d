"""Read a table of head effects from a file; what is no such table is refused in one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from circuit_scaling import given_files
from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError

_NAMES = ("family", "model")
_INDICES = ("layer", "head")
DELTAS = ("delta_ioi", "delta_anti")
COLUMNS = (*_NAMES, *_INDICES, *DELTAS)


def read_head_table(
    given: str | None, called: Mapping[str, str] | None = None
) -> tuple[Path, pd.DataFrame]:
    """The file and its rows with the columns of ``COLUMNS``, numbers to the last bit.

    A relative path starts at the working directory. Further columns are left out, and logged.
    Effects that are missing or infinite stay in: finding them is for the checks.

    Args:
        called: what the file calls a column, where that is another name.

    Raises:
        CircuitScalingError: no path, no such file, another format, columns that are missing or
            come twice, rows that are not as long as the header, no rows, a layer or head that is
            no whole number, an effect that is text, a model without name, or one in two families.
    """
    if not given:
        raise CircuitScalingError(
            "Which table is to be imported? Name a CSV or parquet file with the columns "
            f"{', '.join(COLUMNS)}: "
            + run_command(env="external", params={"import.joint_table": "PATH"})
        )
    path = given_files.existing_file(given)
    columns = given_files.Columns(_NAMES, (*_INDICES, *DELTAS), COLUMNS, called or {})
    frame = given_files.read_file(path, columns)
    for name in _NAMES:
        frame[name] = given_files.named(path, columns.of(frame, name))
    for name in _INDICES:
        frame[name] = given_files.whole_numbers(path, columns.of(frame, name))
    for name in DELTAS:
        frame[name] = given_files.numbers(path, columns.of(frame, name))
    given_files.one_family_each(path, frame)
    return path, frame
