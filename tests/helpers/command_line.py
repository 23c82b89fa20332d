"""Run the command line as a person does, and Python in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from click.testing import CliRunner
from kedro.framework.cli.cli import KedroCLI

from tests.conftest import PROJECT

SOURCE = PROJECT / "src"


def kedro_run(*arguments: str, env: str | None = None) -> tuple[int, str]:
    """``kedro run`` in the project: its exit status and everything that it printed."""
    return kedro_command("run", *(["--env", env] if env else []), *arguments)


def kedro_command(*arguments: str) -> tuple[int, str]:
    """A command of ``kedro`` in the project: its exit status and everything that it printed.

    It runs in this process, which has imported what a new one would import for seconds.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KEDRO_ENV", raising=False)
        patch.chdir(PROJECT)
        done = CliRunner().invoke(KedroCLI(PROJECT), [*arguments], prog_name="kedro")
    printed = done.output
    if done.exception and not isinstance(done.exception, SystemExit):
        printed += "".join(traceback.format_exception(done.exception))
    return done.exit_code, printed


def own_process(
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
