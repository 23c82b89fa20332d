"""The same tables come from workers of which one is killed; what fails or is lost is one line."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import PROJECT
from tests.helpers.machines import Machines, environment, machines, units_of, until
from tests.soak.kills import Study, compare

STUDY = ("--pipelines", "scan,join,classify,causal")
SMALLER = {
    "positions": "[all]",
    "also": "[]",
    "n_permutations": "99",
    "max_receivers": "2",
}


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of the tests, with less to measure."""
    folder = tmp_path_factory.mktemp("conf") / "conf"
    shutil.copytree(PROJECT / "conf", folder)
    file = folder / "test" / "globals.yml"
    text = file.read_text()
    for name, value in SMALLER.items():
        text, found = re.subn(rf"(?m)^{name}:.*$", f"{name}: {value}", text)
        assert found == 1, name
    file.write_text(text)
    return folder


Kedro = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def variables(tmp_path: Path, conf: Path) -> dict[str, str]:
    """The environment of every process of a test: it has a data root of its own."""
    return {"CIRCUIT_SCALING_TEST_DATA": str(tmp_path / "data")}


@pytest.fixture
def kedro(conf: Path, variables: dict[str, str]) -> Iterator[Kedro]:
    """Start ``kedro`` in a process of its own; it is killed at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def _kedro(command: str, *options: str) -> subprocess.Popen[str]:
        given = [command, "--env", "test", "--conf-source", str(conf), *options]
        started.append(_process([sys.executable, "-m", "kedro", *given], variables))
        return started[-1]

    yield _kedro
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, conf: Path) -> Path:
    """The data root after one run in one process."""
    root = tmp_path_factory.mktemp("undisturbed")
    command = ["run", "--env", "test", "--conf-source", str(conf), *STUDY]
    process = _process(
        [sys.executable, "-m", "kedro", *command], {"CIRCUIT_SCALING_TEST_DATA": str(root)}
    )
    printed = process.communicate()[0]
    assert process.returncode == 0, printed
    return root


def test_a_worker_that_is_killed_while_it_measures_costs_nothing_but_time(
    undisturbed: Path, kedro: Kedro, variables: dict[str, str], tmp_path: Path
):
    data = tmp_path / "data"
    with machines(tmp_path, 2, **variables) as there:
        command = kedro("cluster", "--scheduler", there.address, *STUDY)
        until(lambda: any(data.glob("02_intermediate/prompts/*")))  # the ablations have begun
        worker = next(worker for worker in there.workers if units_of(worker))
        [(unit, child)] = units_of(worker).items()
        worker.kill()
        until(lambda: _has_ended(child), 5)
        there.add()  # a machine that joins later
        printed = command.communicate()[0]
    assert command.returncode == 0, printed
    assert f"{unit}: running" in printed
    assert re.search(rf"{unit}: running \(.*, try 2\)", printed)
    compare(Study(data), Study(undisturbed).tables())


def test_what_fails_is_told_and_the_others_go_on(undisturbed: Path, kedro: Kedro, tmp_path: Path):
    # All is there but what belongs to the model whose entry is wrong.
    shutil.copytree(undisturbed, tmp_path / "data")
    wrong = ("--params", "models.mini_pythia_s.folder=nowhere")
    command = kedro("cluster", "--local", "2", "--retries", "1", "--pipelines", "scan,join", *wrong)
    printed = command.communicate()[0]
    assert command.returncode == 1
    assert "Traceback" not in printed
    assert "scan.mini_gpt2_s: done" in printed
    assert "try 2" in printed
    told = printed[printed.index("Error: ") :]
    assert told.startswith("Error: 1 failed, 1 done, 1 need what is missing:\n")
    assert re.search(r"  scan\.mini_pythia_s  .*nowhere.* \(on .*\)\n", told)
    again = next(line for line in told.splitlines() if line.startswith("Try just that again: "))
    assert "kedro cluster --env test" in again
    assert "models.mini_pythia_s.folder=nowhere" in again
    assert "--without mini_pythia_s --local 2 --retries 1" in told


class TestNobodyGoesOn:
    """Where a run ends early, no process goes on measuring, and what is done is kept."""

    @pytest.fixture
    def there(self, variables: dict[str, str], tmp_path: Path) -> Iterator[Machines]:
        with machines(tmp_path, 1, **variables) as started:
            yield started

    @pytest.fixture
    def begun(self, there: Machines, kedro: Kedro) -> tuple[subprocess.Popen[str], psutil.Process]:
        """The command, and the process of the first unit."""
        command = kedro("cluster", "--scheduler", there.address, "--pipelines", "scan")
        until(lambda: units_of(there.workers[0]))
        return command, next(iter(units_of(there.workers[0]).values()))

    def test_where_the_scheduler_is_lost(self, there: Machines, begun):
        command, child = begun
        there.scheduler.kill()
        until(lambda: _has_ended(child), 60)
        printed = command.communicate(timeout=60)[0]
        assert command.returncode == 1
        assert "Traceback" not in printed
        [told] = [line for line in printed.splitlines() if line.startswith("Error: ")]
        assert "scheduler was lost" in told
        assert "kedro cluster --env test --conf-source" in told
        assert f"--scheduler {there.address} --retries 1 --pipelines scan" in told

    def test_where_a_person_interrupts_it(self, there: Machines, begun):
        command, child = begun
        command.send_signal(signal.SIGINT)
        until(lambda: _has_ended(child), 60)
        printed = command.communicate(timeout=60)[0]
        assert command.returncode == 1
        assert "Error: Stopped. What is done is kept; go on with: kedro cluster" in printed
        assert there.workers[0].poll() is None, "the worker is not ours to stop"

    def test_where_the_command_is_killed(self, there: Machines, begun):
        command, child = begun
        command.kill()
        until(lambda: _has_ended(child), 60)
        assert there.workers[0].poll() is None


def test_workers_of_this_machine_end_with_the_command(kedro: Kedro):
    command = kedro("cluster", "--local", "2", "--pipelines", "scan")
    until(lambda: len(units_of(command)) == 2)
    all_of_them = psutil.Process(command.pid).children(recursive=True)
    command.kill()
    until(lambda: all(map(_has_ended, all_of_them)), 60)


def _process(command: list[str], variables: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
