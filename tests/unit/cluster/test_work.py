"""A unit is a process that fails with a reason, and does not outlive who waits for it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from circuit_scaling.cluster import work
from circuit_scaling.cluster.work import Done, UnitFailedError, run_unit
from tests.helpers.machines import environment


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Let the process of a unit run this program in place of Kedro."""

    def _program(text: str) -> Path:
        (tmp_path / "kedro.py").write_text(text)
        python = tmp_path / "python"
        python.write_text(f'#!/bin/bash\nexec "{sys.executable}" "{tmp_path}/kedro.py" "$@"\n')
        python.chmod(0o755)
        monkeypatch.setattr(work.sys, "executable", str(python))
        return tmp_path

    return _program


def always() -> bool:
    return True


def test_it_runs_in_the_folder_with_the_environment_of_the_worker(
    program, monkeypatch: pytest.MonkeyPatch
):
    folder = program(
        "import os, sys\n"
        "open('seen', 'w').write(' '.join(sys.argv[4:]) + os.environ['CUDA_VISIBLE_DEVICES'])\n"
        "sys.exit('KEDRO_ENV' in os.environ)\n"
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("KEDRO_ENV", "another")
    done = run_unit(["run", "--namespaces", "scan.a"], str(folder), always)
    assert isinstance(done, Done)
    assert (folder / "seen").read_text() == "run --namespaces scan.a3"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "print('x' * 20_000); raise SystemExit('Error: there is\\n  no model')",
            "there is no model",
        ),
        ("raise ValueError('of no use')", "ValueError: of no use"),
        ("import sys; sys.exit(3)", "exit status 3 without a word"),
        (
            "import os; os.kill(os.getpid(), 9)",
            "its process was killed by signal 9, perhaps because memory ran out",
        ),
    ],
)
def test_the_reason_of_a_failure_is_one_line(program, text: str, reason: str):
    folder = program(text)
    with pytest.raises(UnitFailedError) as caught:
        run_unit(["run"], str(folder), always)
    assert str(caught.value).startswith(f"{reason} (on ")


def test_a_machine_without_the_project_says_so(tmp_path: Path):
    with pytest.raises(UnitFailedError, match=r"There is no folder .*/nowhere on .*same path"):
        run_unit(["run"], str(tmp_path / "nowhere"), always)


def test_it_is_killed_where_it_is_not_wanted_any_more(program):
    folder = program("import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)")
    wanted = threading.Event()
    wanted.set()
    threading.Timer(0.5, wanted.clear).start()
    began = time.monotonic()
    assert run_unit(["run"], str(folder), wanted.is_set) is None
    assert time.monotonic() - began < 30
    assert not psutil.pid_exists(int((folder / "pid").read_text()))


def test_a_child_whose_parent_has_ended_already_does_not_begin(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "circuit_scaling.cluster.child", "1", "run"],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "has ended already" in done.stderr
