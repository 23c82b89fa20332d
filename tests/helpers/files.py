"""What lies on disk."""

from __future__ import annotations

from pathlib import Path


def files(root: Path) -> set[Path]:
    """All files below a folder, which need not exist."""
    return {path for path in root.rglob("*") if path.is_file()}
