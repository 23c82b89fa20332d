"""What becomes of tables that cannot be right: one readable list, and stop or keep."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from circuit_scaling.commands import Plain, run_command
from circuit_scaling.errors import CircuitScalingError

_log = logging.getLogger(__name__)


def as_list(found: Iterable[tuple[str, str, str]]) -> str:
    """One heading per check and likely cause, one line below it for each thing found.

    Args:
        found: check, cause and line of each, those of one check and cause in succession.
    """
    lines = []
    for (check, cause), group in groupby(found, key=lambda one: one[:2]):
        lines.append(f"{check}. Likely cause: {cause}")
        lines += [f"  - {line}" for *_, line in group]
    return "\n".join(lines)


def stop_or_keep(
    files: Sequence[Path],
    listed: str,
    keep: bool,
    pipelines: Iterable[str],
    params: Mapping[str, Plain],
) -> None:
    """Say what was found in some files, and go on only where they are to be kept.

    Args:
        listed: what was found, as :func:`as_list` writes it.
        pipelines, params: of the command that keeps them, without ``import.on_suspect``.

    Raises:
        CircuitScalingError: they are not to be kept.
    """
    names = " and ".join(f"'{path}'" for path in files)
    several = len(files) > 1
    cannot = (
        f"tables {names} cannot be right as they are"
        if several
        else (f"table {names} cannot be right as it is")
    )
    message = f"The {cannot}.\n{listed}\n"
    if keep:
        _log.warning("%s%s kept, with these findings.", message, "They are" if several else "It is")
        return
    command = run_command(pipelines, env="external", params={**params, "import.on_suspect": "keep"})
    raise CircuitScalingError(
        f"{message}Nothing was written. Correct the table{'s' if several else ''}, or go on with "
        f"the findings in the tables and the report: {command}"
    )
