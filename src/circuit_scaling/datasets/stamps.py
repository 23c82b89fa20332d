"""Stamps: what a stored output was made from, as it says itself.

A table carries its stamp in the metadata of its file. Figures, exports, notes and the page have it
in a small file beside them, which is removed before they are written and written after them: an
output that was left half-written has none.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from circuit_scaling.datasets.atomic import write_bytes_atomically

STAMP = "stamp"
"""Name of a table's stamp among its ``attrs``."""
_LENGTH = 16
STAMPS = ".stamps"
"""The folder, beside what is stamped, of stamps that are files."""


@dataclass(frozen=True)
class Stamp:
    """What one output was made from.

    Attributes:
        node: that made it.
        key: the hash of everything that it depends on: parameters, and the content of its inputs.
        code: the hash of the code that made it; of measurements, the engine's version.
        inputs: dataset -> its version (None where it has none) and the hash of its content.
    """

    node: str
    key: str
    code: str
    inputs: Mapping[str, tuple[str | None, str | None]]

    def as_data(self) -> dict[str, Any]:
        """As plain data, for the metadata of a file."""
        return asdict(self)

    @classmethod
    def of_data(cls, data: Any) -> Stamp | None:
        """The stamp that ``data`` says; None where it says none."""
        try:
            inputs = {name: (version, mark) for name, (version, mark) in data["inputs"].items()}
            return cls(str(data["node"]), str(data["key"]), str(data["code"]), inputs)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


class StampedFiles(ABC):
    """What datasets of files at fixed paths share: a stamp beside them."""

    def _stamp_file(self) -> Path:
        """Where the stamp lies.

        The folder holds other datasets too, so that the names of the files are part of its own.
        """
        folder, names = self._stamped()
        mark = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:_LENGTH]
        return folder / STAMPS / f"{mark}.json"

    @abstractmethod
    def _stamped(self) -> tuple[Path, list[str]]:
        """The folder of the files, and their names or patterns."""

    def files(self) -> list[Path]:
        """All files that are there, those of every format."""
        folder, names = self._stamped()
        patterns = [pattern for name in names for pattern in (name, f"{name}.*")]
        return sorted({file for pattern in patterns for file in folder.glob(pattern)})

    def stamp(self) -> Stamp | None:
        """What the files were made from, where they say it."""
        try:
            return Stamp.of_data(json.loads(self._stamp_file().read_text()))
        except (OSError, ValueError):
            return None

    def set_stamp(self, stamp: Stamp | None) -> None:
        """Say what the files were made from; None takes what is said back."""
        if stamp is None:
            self._stamp_file().unlink(missing_ok=True)
            return
        told = json.dumps(stamp.as_data(), indent=1, sort_keys=True)
        write_bytes_atomically(self._stamp_file(), f"{told}\n".encode())
