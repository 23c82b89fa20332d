"""Run the command line as a person does, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import PROJECT


def kedro_run(env: str, *arguments: str) -> tuple[int, str]:
    """``kedro run``: its exit status and everything that it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--env", env, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr + done.stdout
