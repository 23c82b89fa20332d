"""Locks: what a node stores is made by one process at a time, wherever the data root is shared.

They are locks of the operating system (``flock``), which end with their process, however it ends.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from urllib.parse import quote

from filelock import FileLock, Timeout

from circuit_scaling.errors import cannot_write

_log = logging.getLogger(__name__)
_FOLDER = ".locks"
_LOCK = ".lock"
_POLL = 0.5  # seconds


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as it says itself.

    Attributes:
        since: local time with its offset, ISO 8601.
    """

    host: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


@dataclass
class _Held:
    """A lock of this process, and how many times it was taken."""

    lock: FileLock
    times: int


_held: dict[tuple[int, Path], _Held] = {}  # by process, because a forked one inherits the others'
_guard = RLock()


@contextmanager
def node_lock(data_root: Path, node: str) -> Iterator[bool]:
    """Hold the lock of a node; wait where another process holds it, and say so in one line.

    The same process may take it again. A process that holds the lock of one node must not wait for
    that of another, and must not leave the node to a process of its own: those would wait.

    Yields:
        Whether another process was waited for: it has probably made what was to be made here.

    Raises:
        CircuitScalingError: the data root cannot be written.
    """
    waited = _acquire(_file(data_root, node), node)
    try:
        yield waited
    finally:
        _release(_file(data_root, node))


def held_in(data_root: Path) -> dict[str, str]:
    """The nodes that any process makes at this moment -> who does."""
    found = {}
    for file in sorted((data_root / _FOLDER).glob(f"*{_LOCK}")):
        lock = FileLock(file)
        try:
            lock.acquire(blocking=False)
            lock.release()
        except Timeout:
            found[file.name.removesuffix(_LOCK)] = _holder(file)
        except OSError:  # read-only: nobody can hold it
            continue
    return found


def _file(data_root: Path, node: str) -> Path:
    return (data_root / _FOLDER / f"{quote(node, safe='')}{_LOCK}").absolute()


def _acquire(file: Path, node: str) -> bool:
    key = os.getpid(), file
    with _guard:
        if key in _held:
            _held[key].times += 1
            return False
    lock, waited = FileLock(file, thread_local=False), False
    while not lock.is_locked:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=False)
        except Timeout:
            if not waited:
                _log.warning("%s: waiting for %s, which makes it.", node, _holder(file))
            waited = True
            time.sleep(_POLL)
        except FileNotFoundError:  # another process has just removed the empty folder
            continue
        except OSError as error:
            raise cannot_write(file, error) from error
    with _guard:
        _held[key] = _Held(lock, 1)
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    with suppress(OSError):  # a full disk: others will not know for whom they wait
        _told(file).write_text(json.dumps(asdict(Holder(socket.gethostname(), os.getpid(), now))))
    return waited


def _release(file: Path) -> None:
    key = os.getpid(), file
    with _guard:
        held = _held[key]
        held.times -= 1
        if held.times:
            return
        del _held[key]
    # Removed while it is held: whoever has opened it meanwhile finds that it is gone, and begins
    # anew (filelock looks). Of folders, what is empty goes, as if nobody had been here.
    for remove in (_told(file).unlink, file.unlink, file.parent.rmdir, file.parent.parent.rmdir):
        with suppress(OSError):
            remove()
    held.lock.release()


def _told(file: Path) -> Path:
    """Where the holder of a lock says who it is; the file of the lock itself is not for reading."""
    return file.with_name(f"{file.name}.json")


def _holder(file: Path) -> str:
    try:
        return str(Holder(**json.loads(_told(file).read_text())))
    except (OSError, ValueError, TypeError):
        return "another process"
