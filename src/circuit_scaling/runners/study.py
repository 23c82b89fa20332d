"""A runner that runs what is stale alone, and can go on where something fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from kedro.pipeline import Node, Pipeline
from kedro.runner import AbstractRunner, Task

from circuit_scaling.commands import run_command
from circuit_scaling.configuration import ProjectConfigLoader
from circuit_scaling.errors import CircuitScalingError, reason_of
from circuit_scaling.resume import record
from circuit_scaling.resume.judge import why_make
from circuit_scaling.resume.ledger import Ledger
from circuit_scaling.runners.failures import Failure, failures_in_words
from circuit_scaling.runners.steps import State, Steps
from circuit_scaling.runners.turn import Turn

_log = logging.getLogger(__name__)


class StudyRunner(AbstractRunner):
    """What the project adds to each of Kedro's runners.

    Args:
        resume: run only nodes whose stored results are missing, damaged or made from something
            else than they would be made from now; without it, all.
        keep_going: where a node fails, run all that does not depend on it, and fail at the end.
    """

    def __init__(
        self, *args: Any, resume: bool = False, keep_going: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._resume, self.keep_going = resume, keep_going

    def _run(
        self,
        pipeline: Pipeline,
        catalog: Any,
        hook_manager: Any = None,
        run_id: str | None = None,
    ) -> None:
        """Run the nodes; see :class:`AbstractRunner`.

        Raises:
            CircuitScalingError: with ``keep_going``, some nodes failed; the message lists them, and
                has the command that runs just them again.
        """
        ledger = Ledger(catalog)
        steps = Steps(pipeline, ledger.is_stored, self._why(ledger))
        if not (waiting := steps.ready()):
            _log.info("All %d steps are up to date: nothing is run.", len(steps.nodes))
            return
        self._tell_plan(steps)
        self._validate_catalog(catalog)
        self._validate_nodes(steps.nodes)
        self._set_manager_datasets(catalog)
        workers = self._get_required_workers_count(pipeline)
        pool = self._get_executor(workers)
        running: dict[Future[Node], Node] = {}
        try:
            while waiting or running:
                for node in waiting if pool else waiting[:1]:
                    task = Task(node, catalog, self._is_async, hook_manager, run_id)
                    self._tell_begin(node, steps)
                    try:
                        running[_started(Turn(task, self._data_root()), pool)] = node
                    except BrokenProcessPool:  # by another node, whose end is told in a moment
                        break
                    steps.begin(node)
                if not running:  # or by one whose end was told already
                    pool = self._get_executor(workers)
                    continue
                ended, others = wait(running, return_when=FIRST_COMPLETED)
                if broken := any(_is_broken(future) for future in ended):
                    ended |= wait(others).done  # they were in the same pool
                for future in ended:
                    node, error = running.pop(future), future.exception()
                    if error is not None:
                        record.failed(node, run_id, error, Failure.of(node, error).reason)
                        self._bear(node, error, steps)
                        continue
                    steps.done(node)
                    ledger.forget(node.outputs)
                    for name in steps.spent(node):
                        catalog.release(name)
                    self._tell_done(node, steps)
                if broken:
                    pool = self._get_executor(workers)
                waiting = steps.ready()
        finally:
            if pool is not None:
                pool.shutdown(wait=True, cancel_futures=True)
        self._conclude(steps)

    def _data_root(self) -> Path | None:
        """Where other runs may be at work as well; None outside a project."""
        return ProjectConfigLoader.present().data_root if self._resume else None

    def _why(self, ledger: Ledger) -> Callable[[Node], str | None]:
        """What says why a node has to run."""
        if self._resume:
            return lambda node: why_make(node, ledger)
        return lambda _node: "it is asked for"

    def _bear(self, node: Node, error: BaseException, steps: Steps) -> None:
        """Go on in spite of an error, or raise it."""
        if not self.keep_going or not isinstance(error, Exception):
            again = run_command(options=["--resume"])
            _log.warning("%d steps are done. Go on with: %s", len(steps.of(State.DONE)), again)
            raise error
        steps.failed(node, error)
        _log.error("%s failed: %s", node.name, reason_of(error))

    def _tell_plan(self, steps: Steps) -> None:
        if self._resume:
            _log.info(
                "Of %d steps %d are up to date, %d have to run, and %d wait for them.",
                len(steps.nodes),
                *map(len, map(steps.of, (State.UP_TO_DATE, State.NEEDED, State.WAITING))),
            )

    def _tell_begin(self, node: Node, steps: Steps) -> None:
        if self._resume:
            _log.info("%s: %s", node.name, steps.reasons[node])

    def _tell_done(self, node: Node, steps: Steps) -> None:
        settled = len(steps.of(State.DONE, State.UP_TO_DATE))
        _log.info("Completed node: %s", node.name)
        _log.info("Completed %d out of %d tasks", settled, len(steps.nodes))

    def _conclude(self, steps: Steps) -> None:
        """Say what was done.

        Raises:
            CircuitScalingError: something failed.
        """
        made = len(steps.of(State.DONE))
        if steps.failures:
            failed = [Failure.of(node, error) for node, error in steps.failures.items()]
            raise CircuitScalingError(
                failures_in_words(failed, made, len(steps.of(State.NOT_BEGUN)))
            )
        if self._resume:
            _log.info("Made %d steps; %d were up to date.", made, len(steps.nodes) - made)


def _is_broken(future: Future[Node]) -> bool:
    """Whether a process of the pool was killed, which ends everything in the pool."""
    return isinstance(future.exception(), BrokenProcessPool)


def _started(turn: Turn, pool: Executor | None) -> Future[Node]:
    """A task under way; without a pool it has ended."""
    if pool is not None:
        return pool.submit(turn.elsewhere() if isinstance(pool, ProcessPoolExecutor) else turn)
    future: Future[Node] = Future()
    try:
        future.set_result(turn())
    except Exception as error:  # whatever a node raises is told, or is raised again
        future.set_exception(error)
    return future
