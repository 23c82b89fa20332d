"""A node is made by one process at a time; a lock ends with its process, however that ends."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.locks import held_in, node_lock
from tests.helpers.mounts import small_disk

_HOLD = """
import sys
from pathlib import Path
from circuit_scaling.locks import node_lock

with node_lock(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def other_process(root: Path, node: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a lock until it reads a line."""
    command = [sys.executable, "-c", _HOLD, str(root), node]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_nobody_is_waited_for(tmp_path: Path) -> None:
    with other_process(tmp_path, "scan.another"), node_lock(tmp_path, "scan.gpt2") as waited:
        assert not waited
        assert set(held_in(tmp_path)) == {"scan.another", "scan.gpt2"}


def test_the_second_waits_and_says_for_whom(tmp_path: Path, caplog) -> None:
    with other_process(tmp_path, "scan.gpt2") as other:
        assert other.stdin is not None
        Timer(0.2, other.stdin.close).start()  # what it reads ends, and so it does
        with caplog.at_level(logging.WARNING), node_lock(tmp_path, "scan.gpt2") as waited:
            assert waited
            assert f"scan.gpt2: waiting for process {other.pid} on " in caplog.text
            assert f"process {os.getpid()} on" in held_in(tmp_path)["scan.gpt2"]
    assert held_in(tmp_path) == {}


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with other_process(tmp_path, "scan.gpt2") as other:
        other.kill()
        other.wait()
        assert held_in(tmp_path) == {}
        with node_lock(tmp_path, "scan.gpt2") as waited:
            assert not waited


def test_the_same_process_may_take_it_again(tmp_path: Path) -> None:
    with node_lock(tmp_path, "join"):
        with node_lock(tmp_path, "join") as waited:
            assert not waited
        assert set(held_in(tmp_path)) == {"join"}
    assert held_in(tmp_path) == {}


def test_an_error_gives_it_back(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), node_lock(tmp_path, "join"):
        raise KeyboardInterrupt
    assert held_in(tmp_path) == {}


def test_names_that_are_no_names_of_files(tmp_path: Path) -> None:
    for name in ("../join", "a/b", "join([heads]) -> [joint_heads]"):
        with node_lock(tmp_path / "root", name):
            assert len(held_in(tmp_path / "root")) == 1
            assert {path.name for path in tmp_path.iterdir()} == {"root"}
    assert not [*tmp_path.iterdir()], "nothing was made here"


def test_a_data_root_that_cannot_be_written(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", read_only=True) as root,
        pytest.raises(CircuitScalingError, match="Cannot write .*Read-only file system"),
        node_lock(root, "join"),
    ):
        pass
    assert held_in(tmp_path / "disk") == {}
