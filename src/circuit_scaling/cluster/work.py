"""One unit in a process of its own, on whichever machine this is."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_POLL = 0.5
"""Seconds between two looks at whether the unit is still wanted."""
_TAIL = 8192
"""Bytes of the end of what the process printed, in which the reason of a failure is looked for."""
_ERROR = re.compile(r"^Error: ", re.MULTILINE)  # so the command line begins an error for people
_LONGEST = 400
_OWN = "KEDRO_ENV"  # the words of the command say which environment it is


class UnitFailedError(Exception):
    """The process of a unit failed; the message is the reason in one line."""


@dataclass(frozen=True)
class Done:
    """A unit that was run.

    Attributes:
        host: the name of the machine.
        seconds: the whole time of the process.
    """

    host: str
    seconds: float


def run_unit(words: Sequence[str], project: str, is_wanted: Callable[[], bool]) -> Done | None:
    """Run ``kedro`` with these words in the folder of the project, in a process of its own.

    The process has the environment of this one and ends with it. Nothing of what it prints is sent
    on but the reason of a failure.

    Args:
        is_wanted: asked again and again; where it says no, the process is killed.

    Returns:
        What was done; None where it was not wanted any more.

    Raises:
        UnitFailedError: the process failed, or the folder is not on this machine.
    """
    host = socket.gethostname()
    if not Path(project).is_dir():
        raise UnitFailedError(
            f"There is no folder {project} on {host}: all machines must see the project and its "
            "data under the same path."
        )
    started = time.perf_counter()
    command = [sys.executable, "-m", "circuit_scaling.cluster.child", str(os.getpid()), *words]
    environment = {name: value for name, value in os.environ.items() if name != _OWN}
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            command,
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupt of the terminal is the parent's to answer
        )
        try:
            status = _wait(process, is_wanted)
        finally:
            process.kill()  # has no effect on one that has ended
            process.wait()
        if status is None:
            return None
        if status:
            raise UnitFailedError(f"{_reason(status, printed)} (on {host})")
    return Done(host, time.perf_counter() - started)


def _wait(process: subprocess.Popen[bytes], is_wanted: Callable[[], bool]) -> int | None:
    """The exit status of the process; None where it is not wanted any more."""
    while is_wanted():
        try:
            return process.wait(_POLL)
        except subprocess.TimeoutExpired:
            continue
    return None


def _reason(status: int, printed: IO[bytes]) -> str:
    """Why the process failed: its error for people, or else the last line that it printed."""
    if status < 0:
        return f"its process was killed by signal {-status}, perhaps because memory ran out"
    printed.seek(max(0, printed.seek(0, os.SEEK_END) - _TAIL))
    text = printed.read().decode(errors="replace")
    _, *errors = _ERROR.split(text)
    if errors:
        reason = " ".join(errors[-1].split())
    else:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        reason = lines[-1] if lines else f"exit status {status} without a word"
    return reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]} …"
