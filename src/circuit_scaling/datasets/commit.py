"""The commit of the project that a table was made at, in the metadata of its file."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pandas as pd

_KEY = "commit"
_CHANGED, _UNKNOWN = "+changes", "+unknown"  # the second where git did not say
_SECONDS = 10


def with_commit(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is to be stored: with the commit of the code that runs, where there is one.

    What it was made from may carry another, which says nothing about it.
    """
    stored = table.copy(deep=False)
    stored.attrs = {name: value for name, value in table.attrs.items() if name != _KEY}
    if commit := project_commit():
        stored.attrs[_KEY] = commit
    return stored


def commit_of(table: pd.DataFrame) -> str | None:
    """The commit that a stored table was made at, as far as it is known."""
    return table.attrs.get(_KEY)


@cache
def project_commit() -> str | None:
    """The commit of the checkout that this code is in, with a mark where ``src`` has changed.

    None where git is not there, or does not track this file: a package that is installed inside
    somebody's repository is no part of it.
    """
    return commit_at(Path(__file__).resolve())


def commit_at(file: Path) -> str | None:
    """See :func:`project_commit`; ``file`` is a module of a room of the package."""
    source = file.parents[2]
    if _git(source, "ls-files", "--error-unmatch", "--", str(file)) is None:
        return None
    commit = _git(source, "rev-parse", "--short=12", "HEAD")
    changes = _git(source, "status", "--porcelain", "--", ".")
    if commit is None or changes == "":
        return commit
    return f"{commit}{_UNKNOWN if changes is None else _CHANGED}"


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says in ``folder``; None where it fails or is not there."""
    # A hook of another repository would point git at that one.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=outside,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
