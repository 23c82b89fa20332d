"""Units in their order: what fails holds up nothing but what needs it, and is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from distributed.scheduler import KilledWorker

from circuit_scaling.cluster.run import Outcome, SchedulerLostError, run_units
from circuit_scaling.cluster.units import Unit
from circuit_scaling.cluster.work import Done, UnitFailedError

DONE = Done("here", 1.0)


def unit(name: str, *after: str) -> Unit:
    stage, _, model = name.rpartition(".")
    return Unit(name, stage, model, (), frozenset(after))


UNITS = [
    unit("scan.a"),
    unit("scan.b"),
    unit("join", "scan.a", "scan.b"),
    unit("detect.c"),
    unit("rank", "detect.c"),
    unit("report", "join", "rank"),
]


def run(work: Callable[[str], Done | None]) -> tuple[Outcome, list[str], list[str]]:
    """What has become of them, in which order they were begun, and what was told."""
    begun: list[str] = []
    told: list[str] = []
    with ThreadPoolExecutor(2) as pool:

        def start(one: Unit) -> Future[Done | None]:
            begun.append(one.name)
            return pool.submit(work, one.name)

        outcome = run_units(UNITS, start, lambda one, result: told.append(f"{one.name} {result}"))
    return outcome, begun, told


def failing(*names: str, error: Exception) -> Callable[[str], Done | None]:
    def work(name: str) -> Done | None:
        if name in names:
            raise error
        return DONE

    return work


def test_each_is_begun_once_after_those_before_it():
    outcome, begun, told = run(lambda _name: DONE)
    assert sorted(begun) == sorted(one.name for one in UNITS)
    for one in UNITS:
        assert all(begun.index(name) < begun.index(one.name) for name in one.after)
    assert {one.name for one in outcome.done} == set(begun)
    assert len(told) == len(UNITS)


def test_what_fails_holds_up_only_what_needs_it():
    outcome, begun, told = run(failing("scan.b", error=UnitFailedError("no memory (on vm)")))
    assert [(one.name, why) for one, why in outcome.failed.items()] == [
        ("scan.b", "no memory (on vm)")
    ]
    assert {one.name for one in outcome.done} == {"scan.a", "detect.c", "rank"}
    assert [one.name for one in outcome.not_begun] == ["join", "report"]
    assert "scan.b no memory (on vm)" in told
    assert not {"join", "report"} & set(begun)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KilledWorker("scan.b", None, 3), "every worker that took it died"),
        (ModuleNotFoundError("No module named 'circuit_scaling'"), "ModuleNotFoundError: No mod"),
    ],
)
def test_what_dask_itself_fails_at_is_told(error: Exception, told: str):
    outcome, _, _ = run(failing("scan.b", error=error))
    [why] = outcome.failed.values()
    assert why.startswith(told)


def test_a_unit_that_is_taken_back_means_that_the_scheduler_is_lost():
    def start(_unit: Unit) -> Future[Done | None]:
        future: Future[Done | None] = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future

    with pytest.raises(SchedulerLostError):
        run_units(UNITS, start, lambda *_told: None)
    with pytest.raises(SchedulerLostError):
        run(lambda _name: None)
