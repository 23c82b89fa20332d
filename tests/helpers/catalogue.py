"""What the catalogue says is written for people."""

from __future__ import annotations

from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2]


def figure_patterns() -> dict[str, list[str]]:
    """Dataset of figures -> the names, or patterns of names, of its figures."""
    file = PROJECT / "conf" / "base" / "catalog_08_reporting.yml"
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {
        name: entry["names"]
        for name, entry in entries.items()
        if name.endswith("_figures") and not name.startswith("_")
    }


def every_pattern() -> list[str]:
    return [pattern for names in figure_patterns().values() for pattern in names]
