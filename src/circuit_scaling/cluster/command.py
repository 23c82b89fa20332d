"""``kedro cluster``: the units of a pipeline on the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from kedro.io import DataCatalog
from kedro.utils import find_kedro_project

from circuit_scaling.checks.every import check_before_run
from circuit_scaling.cluster.place import Place
from circuit_scaling.cluster.units import Unit, units_of
from circuit_scaling.commands import run_command
from circuit_scaling.configuration import ProjectConfigLoader
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.resume.ledger import Ledger
from circuit_scaling.session import ProjectSession, asked_for

if TYPE_CHECKING:
    from circuit_scaling.cluster.run import Outcome

_PROGRAM = "kedro run"
_QUIET = ("DASK_LOGGING__DISTRIBUTED", "critical")
"""Dask reads it where it is imported, also in the workers that are started here."""

OPTIONS = (
    click.Option(
        ["--scheduler"],
        metavar="ADDRESS",
        help="The address of a Dask scheduler, such as tcp://10.0.0.1:8786.",
    ),
    click.Option(
        ["--local"],
        type=click.IntRange(min=1),
        metavar="N",
        help="Start N workers on this machine in place of a scheduler's.",
    ),
    click.Option(
        ["--gpu"],
        is_flag=True,
        help="Wait for workers with the resource GPU, even if there are none yet.",
    ),
    click.Option(
        ["--retries"],
        type=click.IntRange(min=0),
        default=1,
        show_default=True,
        help="How often a model's stage that failed is tried again.",
    ),
)


def run_on_cluster(  # noqa: PLR0913 - the options of the command
    *,
    scheduler: str | None,
    local: int | None,
    gpu: bool,
    retries: int,
    pipelines: Sequence[str],
    env: str | None,
    conf_source: str | None,
    params: dict[str, Any] | None,
) -> None:
    """Run what is missing or stale of some pipelines, every model's stage on a worker.

    Raises:
        CircuitScalingError: distributed is not installed, there is no such scheduler or it was
            lost, or something failed; the message has the command to go on.
    """
    place = Place(scheduler, local, gpu, retries)
    os.environ.setdefault(*_QUIET)
    try:
        from circuit_scaling.cluster.at_work import run_at
        from circuit_scaling.cluster.run import SchedulerLostError
    except ModuleNotFoundError as error:
        raise CircuitScalingError(
            f"kedro cluster needs Dask ({error.name} is not installed): "
            "pip install 'circuit-scaling[cluster]'"
        ) from error
    project = find_kedro_project(Path.cwd()) or Path.cwd()
    units = _units(project, pipelines, env, conf_source, params)
    try:
        outcome = run_at(place, units, project, pipelines)
    except (SchedulerLostError, KeyboardInterrupt) as error:
        lost = isinstance(error, SchedulerLostError)
        raise CircuitScalingError(
            f"{'The connection to the scheduler was lost' if lost else 'Stopped'}. What is done is "
            f"kept; go on with: {_command(pipelines, place)}"
        ) from error
    if outcome.failed:
        raise CircuitScalingError(_failures(outcome, pipelines, place))


def _units(
    project: Path,
    pipelines: Sequence[str],
    env: str | None,
    conf_source: str | None,
    params: dict[str, Any] | None,
) -> list[Unit]:
    """The units of the pipelines, once all is checked that can be before anything begins."""
    with ProjectSession.create(
        project, env=env, conf_source=conf_source, runtime_params=params
    ) as session:
        assert isinstance(session, ProjectSession)
        context = session.load_context()
        assert isinstance(context.config_loader, ProjectConfigLoader)
        asked = partial(asked_for, pipelines)
        # Whether a model can be opened is for the machine to say on which it is.
        check_before_run(context.config_loader, project, asked, models_may_fail=True)
        catalog = context.catalog
        assert isinstance(catalog, DataCatalog)
        return units_of(asked(), Ledger(catalog).is_stored)


def _command(pipelines: Sequence[str], place: Place, without: Iterable[str] = ()) -> str:
    """The command that goes on: what is done is not done again."""
    run = run_command(pipelines, options=place.options, without=without)
    return f"kedro cluster{run.removeprefix(_PROGRAM)}"


def _failures(outcome: Outcome, pipelines: Sequence[str], place: Place) -> str:
    """What failed, why, and what to do."""
    failed = outcome.failed
    width = max(len(unit.name) for unit in failed)
    told = [
        f"{len(failed)} failed, {len(outcome.done)} done, {len(outcome.not_begun)} need what is "
        "missing:",
        *(f"  {unit.name:<{width}}  {reason}" for unit, reason in failed.items()),
        f"Try just that again: {_command(pipelines, place)}",
    ]
    if models := dict.fromkeys(unit.model for unit in failed if unit.model):
        told.append(f"Or go on without what failed: {_command(pipelines, place, models)}")
    return "\n".join(told)
