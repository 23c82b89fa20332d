"""This machine's side: it runs what needs all models, one part at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from circuit_scaling.cluster.units import Unit
from circuit_scaling.cluster.work import Done, run_unit


class Here:
    """Runs units in processes of this machine.

    Args:
        tell: called with the name of a unit and ``here`` when it begins.
    """

    def __init__(self, project: str, tell: Callable[[str, str], None]) -> None:
        self._project, self._tell = project, tell
        self._executor = ThreadPoolExecutor(1)
        self._stopped = threading.Event()

    def start(self, unit: Unit, words: Sequence[str]) -> Future[Done | None]:
        """Run a unit when those before it have ended; ``words`` are those after ``kedro``."""
        return self._executor.submit(self._work, unit, words)

    def stop(self) -> None:
        """Kill what runs, and wait until it has ended."""
        self._stopped.set()
        self._executor.shutdown(cancel_futures=True)

    def _work(self, unit: Unit, words: Sequence[str]) -> Done | None:
        self._tell(unit.name, "here")
        return run_unit(words, self._project, lambda: not self._stopped.is_set())
