"""Small values that are kept between runs, in files of the user's cache folder."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path


@dataclass(frozen=True)
class Kept:
    """Name -> value, in one file of the cache folder (``CIRCUIT_SCALING_CACHE`` names another)."""

    file_name: str

    def load(self, key: str) -> object:
        """What was kept; None if nothing was, or the file is not readable."""
        return self._read().get(key)

    def store(self, key: str, value: object) -> None:
        """Keep ``value``; a cache folder that cannot be written is no reason to stop."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=self._file.parent, suffix=".json", delete=False
            ) as stream:
                json.dump({**self._read(), key: value}, stream, indent=1)
            os.replace(stream.name, self._file)
        except OSError:
            return

    @property
    def _file(self) -> Path:
        given = os.environ.get("CIRCUIT_SCALING_CACHE")
        return (Path(given) if given else user_cache_path("circuit_scaling")) / self.file_name

    def _read(self) -> dict[str, object]:
        try:
            found = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
