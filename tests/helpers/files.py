"""What lies on disk."""

from __future__ import annotations

from pathlib import Path


def files(root: Path) -> set[Path]:
    """All files below a folder, which need not exist."""
    return {path for path in root.rglob("*") if path.is_file()}


def contents_of(root: Path) -> dict[Path, bytes]:
    """Every file below ``root``, and what it holds."""
    return {path: path.read_bytes() for path in sorted(files(root))}
