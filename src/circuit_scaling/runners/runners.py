"""The project's runners: Kedro's three, with what the project adds."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner

from circuit_scaling.runners.lifetime import end_with_parent
from circuit_scaling.runners.study import StudyRunner


class InOneProcess(StudyRunner, SequentialRunner):
    """One node after the other."""


class InThreads(StudyRunner, ThreadRunner):
    """Several nodes at a time in threads of one process."""


class InProcesses(StudyRunner, ParallelRunner):
    """Several nodes at a time in processes of their own, which end with the run."""

    def _get_executor(self, max_workers: int) -> ProcessPoolExecutor:
        context = get_context(os.environ.get("KEDRO_MP_CONTEXT") or None)
        return ProcessPoolExecutor(max_workers, context, initializer=end_with_parent)
