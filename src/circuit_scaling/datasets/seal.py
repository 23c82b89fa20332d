"""Seals: by two hashes inside, a parquet file shows whether any bit of it has changed.

Checksums of pages, which parquet has, do not cover the heads of pages nor the footer, and so
neither types nor what a table says of itself. A hash in a second file would be lost when one file
is copied, and could be that of an older version. A parquet file is read from its end, by offsets
from its beginning: bytes between the last page and the footer are in nobody's way.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

_MARK = b"\x00circuit-scaling, sha256 of file and tail:\x00"
_DIGEST = 32  # bytes
_LENGTH = len(_MARK) + 2 * _DIGEST
_ENDING = 8  # the length of the footer in four bytes, and "PAR1"


def sealed(content: bytes) -> bytes:
    """A parquet file with its seal: hashes of all other bytes, and of those that follow it."""
    at = len(content) - _tail_length(content[-_ENDING:])
    before, tail = content[:at], content[at:]
    of_tail = _sha256(tail)
    return before + _MARK + _sha256(before, of_tail, tail) + of_tail + tail


def holds(content: bytes) -> bool | None:
    """Whether a file is the one that was sealed; None where it has no seal."""
    at = content.rfind(_MARK)
    if at < 0:
        return None
    begin, view = at + len(_MARK), memoryview(content)
    said = view[begin : begin + _DIGEST]
    return said == _sha256(view[:at], view[begin + _DIGEST :])


def tail_of(file: Path) -> bytes | None:
    """The footer of a parquet file with its ending; None where it is another than was sealed.

    The rest of the file is not read, so that thousands of tables are asked quickly.

    Raises:
        OSError: the file cannot be read, or is shorter than it says.
    """
    with file.open("rb") as stream:
        stream.seek(-_ENDING, 2)
        length = _tail_length(stream.read())
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - length - _LENGTH))
        read = stream.read()
    seal, tail = read[:-length], read[-length:]
    if seal.startswith(_MARK) and seal[-_DIGEST:] != _sha256(tail):
        return None
    return tail


def _tail_length(ending: bytes) -> int:
    return _ENDING + int.from_bytes(ending[:4], "little")


def _sha256(*parts: bytes | memoryview) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()
