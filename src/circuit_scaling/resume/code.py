"""The code that makes tables out of tables, as a hash: a newer version makes them again."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_ROOMS = ("analysis", "figures", "pipelines", "report", "statistics", "tables")
_SUFFIXES = {".py", ".yml", ".j2", ".css", ".js"}


@cache
def code_of_analysis() -> str:
    """Sixteen hex digits over the sources of all rooms that work on tables.

    Measurements are not among them: of these ``ENGINE_VERSION`` says whether numbers move, because
    they take too long to be made again for a word in a comment.
    """
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    files = [path for room in _ROOMS for path in (package / room).rglob("*")]
    for file in sorted([*files, package / "vocabulary.py"]):
        if file.suffix in _SUFFIXES:
            digest.update(str(file.relative_to(package)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
