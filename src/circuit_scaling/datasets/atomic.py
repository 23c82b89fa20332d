"""Write beside the target and then rename: a file is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from circuit_scaling.errors import CircuitScalingError


def write_atomically(target: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file or folder beside ``target``, then put it in its place.

    Raises:
        CircuitScalingError: the disk is full, the place cannot be written or a file lies where a
            folder should be; nothing is left.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        if target.is_dir():  # os.replace cannot replace a folder that has files
            shutil.rmtree(target)
        os.replace(temporary, target)
    except OSError as error:
        _remove(temporary)
        refuse_file_in_the_way(target)
        raise CircuitScalingError(
            f"Cannot write '{target}': {error.strerror or error}. Free space or change the "
            "permissions, or set another 'data_root' in conf/local/globals.yml; then run again."
        ) from error
    except BaseException:
        _remove(temporary)
        raise


def write_bytes_atomically(target: Path, content: bytes) -> None:
    """A file with the given content, whole or not at all."""

    def write(path: Path) -> None:
        path.write_bytes(content)

    write_atomically(target, write)


def refuse_file_in_the_way(target: Path) -> None:
    """Stop where one of the folders above ``target`` is a file.

    Raises:
        CircuitScalingError: it is; the message names it.
    """
    file = next((folder for folder in target.parents if folder.is_file()), None)
    if file is not None:
        raise CircuitScalingError(
            f"'{file}' is a file, and a folder should be there: an older layout, or a table that "
            "was copied to this place. Move it away; then run again."
        )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
