"""What datasets of several files share: they lie in one folder, under names that are given."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset

from circuit_scaling.datasets.stamps import StampedFiles

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class NamedFilesDataset(StampedFiles, AbstractDataset[_In, _Out]):
    """Files of one folder, one or more of each name, with a stamp beside them."""

    def __init__(
        self, filepath: str, names: list[str], metadata: dict[str, Any] | None = None
    ) -> None:
        self._folder, self._names = Path(filepath), names
        self.metadata = metadata

    @abstractmethod
    def _paths(self) -> list[Path]:
        """The files that are read back, in the order of the names."""

    def _need_every_name(self, given: Collection[str], what: str) -> None:
        """Nothing where ``given`` are the names.

        Raises:
            ValueError: they are others; the message has both, and ``what`` they are names of.
        """
        if sorted(given) != sorted(self._names):
            raise self._refusal(given, what)

    def _refusal(self, given: Collection[str], what: str) -> ValueError:
        return ValueError(f"expected the {what} {sorted(self._names)}, got {sorted(given)}")

    def _stamped(self) -> tuple[Path, list[str]]:
        return self._folder, self._names

    def _exists(self) -> bool:
        return all(path.is_file() for path in self._paths())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder), "names": self._names}
