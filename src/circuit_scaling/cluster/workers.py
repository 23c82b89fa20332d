"""Dask's side: a cluster to work on, and units that are sent to its workers."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, Status, get_worker

from circuit_scaling.cluster.run import SchedulerLostError
from circuit_scaling.cluster.units import Unit
from circuit_scaling.cluster.work import Done, run_unit
from circuit_scaling.errors import CircuitScalingError

GPU = "GPU"
"""The resource of a worker that has a GPU to itself."""
_THREADS = "OMP_NUM_THREADS"
_AT_WORK = (Status.running, Status.paused)


@contextmanager
def connected(scheduler: str | None, local: int) -> Iterator[Client]:
    """A client of the scheduler at an address, or of workers that are started here and end here.

    Args:
        local: how many workers are started where no scheduler is named; each is a process that does
            one unit at a time, and they share the cores.

    Raises:
        CircuitScalingError: there is no scheduler at this address.
    """
    # What is told is what becomes of the units; a lost scheduler would be pages of tracebacks.
    for name in ("distributed", "distributed.client"):  # the second has a level of its own
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if scheduler is None:
        threads = os.environ.get(_THREADS, str(max(1, CPU_COUNT // local)))
        with (
            LocalCluster(
                n_workers=local, threads_per_worker=1, memory_limit=0, env={_THREADS: threads}
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler)
    except (OSError, ValueError) as error:
        raise CircuitScalingError(
            f"There is no Dask scheduler at {scheduler}. Start one with 'dask scheduler', or work "
            "on this machine alone with --local N."
        ) from error
    with client:
        yield client


class Workers:
    """Sends units to the workers of a cluster; Dask chooses the worker, and another if it dies.

    Args:
        gpu: whether every unit needs a worker with the resource ``GPU``; where it is not asked for,
            they do as soon as a worker has it.
        retries: how often a unit that failed is tried again.
        tell: called with the name of a unit and a machine when it begins there.
    """

    def __init__(
        self,
        client: Client,
        project: str,
        *,
        gpu: bool,
        retries: int,
        tell: Callable[[str, str], None],
    ) -> None:
        self._client, self._project = client, project
        self._run = f"circuit-scaling-{uuid4().hex[:8]}"
        self._executor = client.get_executor(pure=False, retries=retries)
        self._gpu = gpu
        client.subscribe_topic(self._run, lambda event: tell(*event[1]))

    def start(self, unit: Unit, words: Sequence[str]) -> Future[Done | None]:
        """Send a unit; ``words`` are those after ``kedro``.

        Raises:
            SchedulerLostError: there is nobody to send it to.
        """
        if self._client.status != "running":
            raise SchedulerLostError
        needed = {"resources": {GPU: 1}} if self._gpu or self._have_gpus() else {}
        key = f"{unit.name}-{self._run}"
        future: Future[Done | None] = self._executor.submit(
            _on_worker, unit.name, list(words), self._project, self._run, key=key, **needed
        )
        return future

    def stop(self) -> None:
        """Take all units back: those that run are killed where they run."""
        self._executor.shutdown(wait=False)

    def _have_gpus(self) -> bool:
        workers: dict[str, Any] = self._client.scheduler_info(n_workers=-1)["workers"]
        return any(worker["resources"].get(GPU) for worker in workers.values())


def _on_worker(unit: str, words: list[str], project: str, run: str) -> Done | None:
    """What Dask runs on a worker."""
    worker = get_worker()
    key = worker.get_current_task()
    worker.log_event(run, (unit, socket.gethostname()))

    def is_wanted() -> bool:
        # Who asked for the unit may have gone, or the scheduler: whoever asks next would measure
        # the same elsewhere.
        task = worker.state.tasks.get(key)
        asked = task is not None and task.state != "cancelled"
        return asked and worker.status in _AT_WORK

    return run_unit(words, project, is_wanted)
