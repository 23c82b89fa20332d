"""Small and read-only disks, where mounting is allowed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, *, kilobytes: int = 1024, read_only: bool = False) -> Iterator[Path]:
    """A disk of so many kilobytes at ``folder``, in memory; the test is skipped without one."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder))
    try:
        if read_only:
            make_read_only(folder)
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def make_read_only(folder: Path) -> None:
    """Let nothing be written any more on the disk that is mounted at ``folder``."""
    _mount("-o", "remount,ro", str(folder))


def _mount(*arguments: str) -> None:
    try:
        subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"mounting is not allowed: {error.stderr.strip()}")
