"""A Dask scheduler and its workers as processes of their own, which can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.helpers.command_line import SOURCE

_CHILD = "circuit_scaling.cluster.child"


def environment(**variables: str) -> dict[str, str]:
    """That of the tests, for processes which measure: the same bits need the same threads."""
    kept = {name: value for name, value in os.environ.items() if name != "KEDRO_ENV"}
    return kept | {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", **variables}


def until(what: Callable[[], object], seconds: float = 300) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def units_of(process: subprocess.Popen[str]) -> dict[str, psutil.Process]:
    """What ``process`` runs now: namespace or nodes -> the process of the unit."""
    found = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        with_words = _words(child)
        if _CHILD in with_words:
            option = "--namespaces" if "--namespaces" in with_words else "--nodes"
            found[with_words[with_words.index(option) + 1]] = child
    return found


class Machines:
    """A scheduler, and workers that do one unit at a time.

    Attributes:
        address: of the scheduler.
        workers: those that were started.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self._folder, self._variables = folder, variables
        told = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", str(told))
        until(lambda: told.exists() and told.read_text().endswith("}"))
        self.address: str = json.loads(told.read_text())["address"]
        self.workers: list[subprocess.Popen[str]] = []

    def add(self, *options: str) -> subprocess.Popen[str]:
        """One more worker, as a machine that joins."""
        number = ["--name", str(len(self.workers)), "--local-directory", str(self._folder)]
        worker = self._start(
            "worker", self.address, "--no-nanny", "--nthreads", "1", *number, *options
        )
        self.workers.append(worker)
        return worker

    def stop(self) -> None:
        """Kill what is left."""
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()

    def _start(self, kind: str, *options: str) -> subprocess.Popen[str]:
        with (self._folder / f"{kind}.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *options],
                cwd=self._folder,
                env=environment(**self._variables),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )


@contextmanager
def machines(folder: Path, workers: int, **variables: str) -> Iterator[Machines]:
    """A scheduler with as many workers; all have these environment variables."""
    started = Machines(folder, **variables)
    try:
        for _ in range(workers):
            started.add()
        yield started
    finally:
        started.stop()


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has just ended
        return []
