"""What killed runs leave behind: parts of files, and folders of versions without a table."""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_HOST = re.sub(r"[^\w-]", "-", socket.gethostname())
_PART = re.compile(r"\..+\.(?P<host>[\w-]+)\.(?P<pid>\d+)\.part")
_DAY, _MINUTE = 86_400.0, 60.0


def part_of(target: Path) -> Path:
    """Where this process writes what is to become ``target``."""
    return target.with_name(f".{target.name}.{_HOST}.{os.getpid()}.part")


def parts_in(folder: Path) -> Iterator[Path]:
    """Parts directly in a folder whose writers are gone."""
    return (path for path in folder.glob(".*.part") if _is_abandoned(path))


def empty_versions_in(table: Path) -> Iterator[Path]:
    """Folders of versions that hold no table, and in which nobody is about to write one."""
    for folder in table.glob("*/"):
        if not folder.is_dir():
            continue
        held = list(folder.iterdir())
        if all(_is_abandoned(path) for path in held) and (held or _age(folder) > _MINUTE):
            yield folder


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, as far as that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _is_abandoned(path: Path) -> bool:
    """Whether this is the part of a writer that is gone.

    Of writers on other machines this is not known: a part that has lain for a day is nobody's.
    """
    named = _PART.fullmatch(path.name)
    if named is None:
        return False
    if named["host"] != _HOST:
        return _age(path) > _DAY
    try:
        began: float = psutil.Process(int(named["pid"])).create_time()
        return began > path.stat().st_mtime + 1  # another process has the number now
    except (psutil.NoSuchProcess, OverflowError):
        return True
    except (psutil.Error, OSError):
        return False


def _age(path: Path) -> float:
    """Seconds since something was last written there."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
