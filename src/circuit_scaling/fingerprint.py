"""Hashes that say what produced a table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from circuit_scaling.kept import Kept

_LENGTH = 16
_LARGE = 64 << 20
"""Bytes from which on the hash of a file is kept."""


def fingerprint_of(parts: Mapping[str, Any]) -> str:
    """Sixteen hex digits of the SHA-256 of ``parts`` as canonical JSON.

    Keys are sorted, so that the order of a YAML file does not matter; values must be plain data.

    Raises:
        ValueError: a number is infinite or NaN, of which JSON has none.
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


def fingerprint_of_content(file: Path) -> str:
    """Sixteen hex digits over the content of a file, whatever it is called."""
    stat = file.stat()
    return _content_hash(file, stat.st_mtime_ns, stat.st_size)[:_LENGTH]


@lru_cache(maxsize=4096)
def _content_hash(file: Path, mtime: int, size: int) -> str:
    """SHA-256 of a file; time and size are there to forget a file that has changed.

    That of a large file is kept between runs: to read the weights of a study takes minutes.
    """
    if size < _LARGE:
        return _sha256(file)
    kept = Kept("hashes.json")
    key = f"{file.resolve()} {mtime} {size}"
    found = kept.load(key)
    if not isinstance(found, str):
        found = _sha256(file)
        kept.store(key, found)
    return found


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
