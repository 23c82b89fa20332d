"""The project's runners: Kedro's three, with what the project adds."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner
from kedro.runner.parallel_runner import ParallelRunnerManager

from circuit_scaling.runners.lifetime import end_with_parent
from circuit_scaling.runners.study import StudyRunner


class InOneProcess(StudyRunner, SequentialRunner):
    """One node after the other."""


class InThreads(StudyRunner, ThreadRunner):
    """Several nodes at a time in threads of one process."""


class InProcesses(StudyRunner, ParallelRunner):
    """Several nodes at a time in processes of their own, which end with the run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._manager.shutdown()  # Kedro's own would outlive a run that is killed
        self._manager = ParallelRunnerManager()
        self._manager.start(initializer=end_with_parent)

    def _get_executor(self, max_workers: int) -> ProcessPoolExecutor:
        context = get_context(os.environ.get("KEDRO_MP_CONTEXT") or None)
        return ProcessPoolExecutor(max_workers, context, initializer=end_with_parent)
