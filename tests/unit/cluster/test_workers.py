"""Dask gives units to workers: one per GPU, again where one fails, and takes them back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, wait

import dask
import pytest
from distributed import Client, LocalCluster

from circuit_scaling.cluster import workers
from circuit_scaling.cluster.run import SchedulerLostError
from circuit_scaling.cluster.units import Unit
from circuit_scaling.cluster.work import Done, UnitFailedError
from circuit_scaling.cluster.workers import Workers, connected
from circuit_scaling.errors import CircuitScalingError
from tests.helpers.machines import until

UNITS = [Unit(f"scan.{model}", "scan", model, (), frozenset()) for model in "abc"]
Work = Callable[[Sequence[str], str, Callable[[], bool]], Done | None]


@pytest.fixture(params=[{}, {"GPU": 1}], ids=["without", "with a GPU"])
def resources(request: pytest.FixtureRequest) -> dict[str, int]:
    found: dict[str, int] = request.param
    return found


@pytest.fixture
def client(resources: dict[str, int]) -> Iterator[Client]:
    """A worker of two threads in this process."""
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            dashboard_address=None,
            resources=resources,
        ) as cluster,
        Client(cluster) as found,
    ):
        yield found


@pytest.fixture
def sent(client: Client, monkeypatch: pytest.MonkeyPatch):
    """Send the units to the worker, where they are this work."""
    begun: list[str] = []

    def _sent(work: Work, retries: int = 0, gpu: bool = False) -> tuple[Workers, list, list[str]]:
        monkeypatch.setattr(workers, "run_unit", work)
        there = Workers(
            client,
            "/project",
            gpu=gpu,
            retries=retries,
            tell=lambda name, _host: begun.append(name),
        )
        return there, [there.start(unit, ["run", unit.name]) for unit in UNITS], begun

    return _sent


def test_a_gpu_is_given_to_one_unit_at_a_time(sent, resources: dict[str, int]):
    at_once, most, lock = 0, 0, threading.Lock()

    def work(words: Sequence[str], project: str, _is_wanted: Callable[[], bool]) -> Done:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.3)
        with lock:
            at_once -= 1
        return Done(f"{project} {words[1]}", 0.3)

    _, futures, begun = sent(work)
    done = [future.result(60) for future in futures]
    assert [one.host for one in done] == [f"/project {unit.name}" for unit in UNITS]
    assert most == (1 if resources else 2)
    until(lambda: sorted(begun) == [unit.name for unit in UNITS], 10)


def test_where_a_gpu_is_asked_for_units_wait_for_one(sent, resources: dict[str, int]):
    there, futures, _ = sent(lambda *_given: Done("here", 0.0), gpu=True)
    done, waiting = wait(futures, timeout=5 if resources else 1)
    assert len(done) == (3 if resources else 0)
    there.stop()


@pytest.mark.parametrize("retries", [0, 2])
def test_what_fails_is_tried_again_as_often_as_is_said(sent, retries: int):
    tries: list[str] = []

    def work(words: Sequence[str], *_given: object) -> Done:
        tries.append(words[1])
        raise UnitFailedError("no memory")

    _, futures, _ = sent(work, retries)
    for future in futures:
        with pytest.raises(UnitFailedError, match="no memory"):
            future.result(60)
    assert {name: tries.count(name) for name in tries} == {unit.name: retries + 1 for unit in UNITS}


def test_what_is_taken_back_is_not_wanted_any_more(sent):
    running, ended = threading.Event(), threading.Event()

    def work(_words: Sequence[str], _project: str, is_wanted: Callable[[], bool]) -> None:
        running.set()
        until(lambda: not is_wanted(), 60)
        ended.set()

    there, futures, _ = sent(work)
    assert running.wait(30)
    there.stop()
    assert ended.wait(30)
    with pytest.raises(CancelledError):
        futures[0].result(30)


def test_nothing_is_sent_where_the_scheduler_is_lost(sent, client: Client):
    there, futures, _ = sent(lambda *_given: Done("here", 0.0))
    wait(futures)
    client.close()
    with pytest.raises(SchedulerLostError):
        there.start(UNITS[0], ["run"])


def test_an_address_without_a_scheduler_is_one_line():
    for address in ("tcp://127.0.0.1:9", "nonsense://here"):
        with (
            dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
            pytest.raises(CircuitScalingError, match=f"no Dask scheduler at {address}"),
            connected(address, 0),
        ):
            pass
