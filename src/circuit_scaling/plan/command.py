"""``kedro plan``: what a run would take and what it lacks, before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project
from rich.console import Console

from circuit_scaling.checks.every import check_before_run
from circuit_scaling.commands import run_command
from circuit_scaling.configuration import ROSTERS, ProjectConfigLoader
from circuit_scaling.models.roster import Roster, RosterEntry
from circuit_scaling.plan.plan import Plan, plan_of
from circuit_scaling.plan.settings import Settings
from circuit_scaling.plan.shown import show
from circuit_scaling.plan.steps import todo_of
from circuit_scaling.resume.ledger import Ledger
from circuit_scaling.session import ProjectSession, asked_for

_WIDTH = 100
_FILINGS = "filings_truth"
_PAGE = "report"


def tell_plan(
    *,
    pipelines: Sequence[str],
    env: str | None,
    conf_source: str | None,
    params: dict[str, Any] | None,
) -> bool:
    """Print the plan of some pipelines, those of the environment where none is named.

    Returns:
        Whether nothing is missing.

    Raises:
        CircuitScalingError: the configuration is wrong, so that nothing could be run.
    """
    project = find_kedro_project(Path.cwd()) or Path.cwd()
    with ProjectSession.create(
        project, env=env, conf_source=conf_source, runtime_params=params
    ) as session:
        assert isinstance(session, ProjectSession)
        context = session.load_context()
        loader = context.config_loader
        assert isinstance(loader, ProjectConfigLoader)
        asked = partial(asked_for, pipelines)
        check_before_run(loader, project, asked, models_may_fail=True)
        catalog = context.catalog
        assert isinstance(catalog, DataCatalog)
        plan = _plan(asked(), catalog, loader.data_root)
        console = Console()
        if not console.is_terminal:
            console = Console(width=_WIDTH)
        show(plan, run_command(pipelines, options=["--resume"]), console)
        return not plan.missing


def _plan(pipeline: Pipeline, catalog: DataCatalog, data_root: Path) -> Plan:
    parameters: Mapping[str, Any] = _value(catalog, "parameters")
    todo = todo_of(pipeline, Ledger(catalog))
    entries: dict[str, RosterEntry] = {}
    for name in ROSTERS:
        entries |= Roster.model_validate(parameters[name]).root
    asks = any(stage.startswith("retrieval") for stage, _ in todo.models)
    filings = len(_value(catalog, _FILINGS)) if asks else 0
    shows = any((node.namespace or "").startswith(_PAGE) for node in pipeline.nodes)
    return plan_of(todo, entries, Settings(parameters), filings, data_root, shows=shows)


def _value(catalog: DataCatalog, name: str) -> Any:
    """What a dataset holds, without a line in the log."""
    dataset = catalog.get(name)
    assert dataset is not None
    return dataset.load()
