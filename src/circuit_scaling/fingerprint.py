"""Hashes that say what produced a table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

_LENGTH = 16


def fingerprint_of(parts: Mapping[str, Any]) -> str:
    """Sixteen hex digits of the SHA-256 of ``parts`` as canonical JSON.

    Keys are sorted, so that the order of a YAML file does not matter; values must be plain data.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def fingerprint_of_files(files: Iterable[Path]) -> str:
    """Sixteen hex digits over the names and contents of ``files``, whatever their order or age."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda path: path.name):
        digest.update(file.name.encode())
        digest.update(_content_hash(file, file.stat().st_mtime_ns, file.stat().st_size).encode())
    return digest.hexdigest()[:_LENGTH]


@lru_cache(maxsize=4096)
def _content_hash(file: Path, _mtime: int, _size: int) -> str:
    """SHA-256 of a file; time and size are only there to forget a file that has changed."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
