"""Every unit when all is there that it reads, until nothing is left that can be run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from distributed.scheduler import KilledWorker

from circuit_scaling.cluster.units import Unit
from circuit_scaling.cluster.work import Done, UnitFailedError
from circuit_scaling.errors import reason_of

Told = Callable[[Unit, Done | str], None]
"""Called with a unit that has ended, and what was done or why it failed."""


class SchedulerLostError(Exception):
    """There is no connection to the scheduler any more."""


@dataclass
class Outcome:
    """What has become of the units.

    Attributes:
        failed: each unit that failed, with the reason in one line.
        not_begun: those that need what was not made.
    """

    done: list[Unit] = field(default_factory=list)
    failed: dict[Unit, str] = field(default_factory=dict)
    not_begun: list[Unit] = field(default_factory=list)


def run_units(
    units: Sequence[Unit], start: Callable[[Unit], Future[Done | None]], tell: Told
) -> Outcome:
    """Start each unit once those before it are done; where one fails, the others go on.

    Raises:
        SchedulerLostError: a unit was taken back by somebody else than this function's caller.
    """
    outcome = Outcome()
    by_name = {unit.name: unit for unit in units}
    order = TopologicalSorter({unit.name: unit.after for unit in units})
    order.prepare()
    running: dict[Future[Done | None], Unit] = {}
    begun: set[str] = set()
    while True:
        for name in order.get_ready():
            begun.add(name)
            running[start(by_name[name])] = by_name[name]
        if not running:
            break
        ended, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            unit = running.pop(future)
            try:
                result = future.result()
            except CancelledError as error:
                raise SchedulerLostError from error
            except Exception as error:  # whatever a unit or its worker died of is told
                outcome.failed[unit] = _in_words(error)
                tell(unit, outcome.failed[unit])
                continue
            if result is None:
                raise SchedulerLostError
            outcome.done.append(unit)
            tell(unit, result)
            order.done(unit.name)
    outcome.not_begun = [unit for unit in units if unit.name not in begun]
    return outcome


def _in_words(error: Exception) -> str:
    if isinstance(error, UnitFailedError):
        return str(error)
    if isinstance(error, KilledWorker):
        return "every worker that took it died, perhaps because memory ran out"
    return f"{type(error).__name__}: {reason_of(error)}"
