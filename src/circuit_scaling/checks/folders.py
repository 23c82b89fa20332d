"""Where a run writes, and the places of globals.yml that it reads from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from circuit_scaling.checks.problem import Problem

_WRITTEN = ("data_root", "zoo_root")
_READ = ("filings_root", "haystack")
_SOURCES = ("src", "conf", "tests", "docs", "notebooks", "benchmarks", ".git", ".venv")


def wrong_places(given: Mapping[str, Any], project: Path) -> Iterator[Problem]:
    """Places that are no path, and folders to write to that would mix data with something else.

    An absolute data root is what the user wants; one that leads out of the project by ``..`` is
    more often a slip, and is asked to be written out.
    """
    for name in (*_WRITTEN, *_READ):
        if name not in given:
            continue
        place, where = given[name], f"globals.yml: {name}"
        if not isinstance(place, str) or not place.strip():
            yield Problem(where, f"this is no path: {place!r}. Name one, such as 'data'.")
        elif place.startswith("~"):
            yield Problem(where, f"'{place}' would be a folder called '~'. Write the path out.")
        elif name in _WRITTEN and (why := _not_to_be_written(place, project)):
            yield Problem(where, f"'{place}' {why}")


def _not_to_be_written(place: str, project: Path) -> str:
    """Why data cannot be written to a place; nothing where it can."""
    if ".." in Path(place).parts:
        return "leads elsewhere by '..'. Write an absolute path, if it is meant."
    folder = (project / place).resolve()
    project = project.resolve()
    if folder == project or folder in project.parents:
        return "is the project itself or lies above it. Name a folder of its own for data."
    if any(folder.is_relative_to(project / source) for source in _SOURCES):
        return "lies among the project's own files. Name a folder of its own for data."
    if any(part.is_file() for part in (folder, *folder.parents)):
        return "is a file, or lies in one. Name a folder."
    return ""
