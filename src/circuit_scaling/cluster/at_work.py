"""The units of a pipeline at work: a model's on the workers of a cluster, the others here."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from rich.console import Console

from circuit_scaling.cluster.here import Here
from circuit_scaling.cluster.place import Place
from circuit_scaling.cluster.progress import Progress
from circuit_scaling.cluster.run import Outcome, run_units
from circuit_scaling.cluster.units import Unit
from circuit_scaling.cluster.work import Done
from circuit_scaling.cluster.workers import Workers, connected
from circuit_scaling.commands import run_command


def run_at(place: Place, units: Sequence[Unit], project: Path, pipelines: Sequence[str]) -> Outcome:
    """Run the units of some pipelines, each when all is there that it reads, and show how it goes.

    Raises:
        CircuitScalingError: there is no such scheduler.
        SchedulerLostError: the connection to it was lost.
    """
    console = Console()
    progress = Progress(units, console)
    with connected(place.scheduler, place.local or 0) as client:
        console.print(f"Dask's dashboard: {client.dashboard_link}", soft_wrap=True)
        here = Here(str(project), progress.begins)
        workers = Workers(
            client, str(project), gpu=place.gpu, retries=place.retries, tell=progress.begins
        )

        def start(unit: Unit) -> Future[Done | None]:
            given = run_command(pipelines, options=["--resume", *unit.options])
            return (workers if unit.model else here).start(unit, shlex.split(given)[1:])

        try:
            with progress.shown():
                return run_units(units, start, progress.ended)
        finally:
            workers.stop()
            here.stop()
