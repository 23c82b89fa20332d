"""Runs at once on one data root: models side by side, the same node one after the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from circuit_scaling.locks import held_in, node_lock
from tests.conftest import PROJECT
from tests.helpers.command_line import SOURCE
from tests.helpers.files import files

MODEL, OTHER = "mini_gpt2_s", "mini_pythia_s"
_SMALL = "prompts.n_prompts=8,prompts.data_seeds=1"


@contextmanager
def a_run(root: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``kedro run`` of the test environment in a process of its own, which ends with the test."""
    environment = {name: value for name, value in os.environ.items() if name != "KEDRO_ENV"}
    environment |= {
        "PYTHONPATH": str(SOURCE),
        "CIRCUIT_SCALING_TEST_DATA": str(root),
        "COLUMNS": "400",  # a message is one line
    }
    command = ["-m", "kedro", "run", "--env", "test", "--params", _SMALL, *arguments]
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """The first line that has these words."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return line
    pytest.fail(f"'{words}' was not said in: {''.join(lines)}")


def test_two_models_and_one_of_them_twice(tmp_path: Path) -> None:
    with (
        a_run(tmp_path, "--namespaces", f"scan.{MODEL}") as first,
        a_run(tmp_path, "--namespaces", f"scan.{OTHER}") as other,
        a_run(tmp_path, "--namespaces", f"scan.{MODEL}") as second,
    ):
        said = {run: run.communicate(timeout=900)[0] for run in (first, other, second)}
        assert [run.returncode for run in said] == [0, 0, 0], said
    assert "waiting for" not in said[other]
    effects = tmp_path / "03_primary" / "head_effects"
    assert len([*(effects / f"{OTHER}.parquet").iterdir()]) == 1
    twice = [pd.read_parquet(file) for file in files(effects / f"{MODEL}.parquet")]
    assert len(twice) == 2
    pd.testing.assert_frame_equal(*twice)
    assert held_in(tmp_path) == {}
    assert not [*tmp_path.rglob("*.part")]


def test_the_second_waits_until_the_first_has_ended(tmp_path: Path) -> None:
    """This process stands in for the first run."""
    prompts = tmp_path / "02_intermediate" / "prompts" / f"{MODEL}.parquet"
    node = f"scan.{MODEL}.make_prompts"
    with a_run(tmp_path, "--nodes", node) as run:
        with node_lock(tmp_path, node):
            line = read_until(run, "waiting for")
            assert f"{node}: waiting for process {os.getpid()} on " in line
            assert not prompts.exists()
        said, _ = run.communicate(timeout=900)
        assert run.returncode == 0, said
    assert len(files(prompts)) == 1


def test_who_waits_can_be_stopped(tmp_path: Path) -> None:
    node = f"scan.{MODEL}.make_prompts"
    with node_lock(tmp_path, node), a_run(tmp_path, "--nodes", node) as run:
        read_until(run, "waiting for")
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=900)
        assert run.returncode != 0
        assert set(held_in(tmp_path)) == {node}
        assert f"process {os.getpid()} on" in held_in(tmp_path)[node]
    assert held_in(tmp_path) == {}
    assert files(tmp_path) == set()
