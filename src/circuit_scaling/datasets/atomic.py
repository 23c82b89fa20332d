"""Write beside the target and then rename: a file is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from circuit_scaling.datasets.leftovers import part_of, parts_in, remove
from circuit_scaling.errors import CircuitScalingError, cannot_write


def write_atomically(target: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary file or folder beside ``target``, then put it in its place.

    Temporary files beside it that killed writers have left are removed.

    Raises:
        CircuitScalingError: the disk is full, the place cannot be written or a file lies where a
            folder should be; nothing is left.
    """
    temporary, made = part_of(target), list[Path]()
    try:
        made += [folder for folder in target.parents if not folder.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        for part in parts_in(target.parent):
            remove(part)
        write(temporary)
        if target.is_dir():  # os.replace cannot replace a folder that has files
            shutil.rmtree(target)
        os.replace(temporary, target)
    except OSError as error:
        _undo(temporary, made)
        refuse_file_in_the_way(target)
        raise cannot_write(target, error) from error
    except BaseException:
        _undo(temporary, made)
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


def _undo(temporary: Path, made: list[Path]) -> None:
    """Remove what was begun, and the folders that were made for it."""
    remove(temporary)
    for folder in made:
        with suppress(OSError):  # somebody else writes there
            folder.rmdir()
