"""Run the command line, or Python in a process of its own, as a person does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT

SOURCE = PROJECT / "src"


def kedro_run(env: str, *arguments: str) -> tuple[int, str]:
    """``kedro run``: its exit status and everything that it printed."""
    return in_process(["-m", "kedro", "run", "--env", env, *arguments], cwd=PROJECT)


def in_process(
    arguments: list[str], cwd: Path, source: Path = SOURCE, **environment: str
) -> tuple[int, str]:
    """Python with ``arguments`` in the folder ``cwd``, with the package from ``source``.

    The environment variables are those of the tests, without what they set for Kedro.
    """
    kept = {name: value for name, value in os.environ.items() if name != "KEDRO_ENV"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(source), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr + done.stdout
