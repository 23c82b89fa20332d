"""Every check before a run, in the order in which one needs what the one before has read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline
from kedro.validation.type_extractor import TypeExtractor

from circuit_scaling.checks.blocks import checked_blocks
from circuit_scaling.checks.folders import wrong_places
from circuit_scaling.checks.names import DEFAULT_PIPELINES, unknown_parameters, wrong_globals
from circuit_scaling.checks.needed import missing_files, unknown_pairs, wrong_models
from circuit_scaling.checks.problem import Problem, refuse
from circuit_scaling.checks.rosters import ALL, without_wrong_entries, wrong_rosters
from circuit_scaling.checks.tasks import (
    untraceable_tasks,
    wrong_task_files,
    wrong_tasks,
    wrong_training,
)
from circuit_scaling.checks.work import too_much_work
from circuit_scaling.configuration import (
    LEFT_OUT,
    MODELS,
    PARAMETER,
    ROSTERS,
    ProjectConfigLoader,
    with_models,
    with_task_files,
)
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.roster import Roster, Rosters

_OF_EMBEDDED_MODELS = ("zoo", "zoo_readers")  # no node takes them where a roster has none


def check_before_run(
    loader: ProjectConfigLoader,
    project: Path,
    asked: Callable[[], Pipeline],
    *,
    models_may_fail: bool = False,
) -> None:
    """Nothing where the run can begin; nothing is written, and no model is loaded.

    A part of the configuration that is refused is left out of the checks that come after, so that
    these say what is wrong with the rest.

    Args:
        asked: gives the nodes of the run, from the pipelines of the present configuration.
        models_may_fail: a model that cannot be opened does not end the run, and so it may begin.

    Raises:
        CircuitScalingError: lists everything that is wrong.
    """
    places = loader["globals"]
    found = [*wrong_globals(places, loader.files()), *wrong_places(places, project)]
    try:
        parameters = dict(loader.parameters)
    except CircuitScalingError as error:
        # What globals.yml lacks is in the list by name; parameters only say that it is missing.
        told = "Globals key" in error.message and any("Globals key" in p.what for p in found)
        refuse(found if told else [*found, Problem("", error.message)])
    found += wrong_rosters(parameters)
    if found:
        loader.go_on_with(without_wrong_entries(parameters))
    found = _with_graph_problems(found, loader)
    known = {*_taken_by_nodes(), *ROSTERS, ALL, LEFT_OUT, *_OF_EMBEDDED_MODELS}
    found += unknown_parameters(parameters, known, places)
    placed = with_task_files(parameters, project, Path(loader.conf_source))
    typed, wrong = checked_blocks(placed, _types_of_blocks())
    found += wrong
    usable = with_models(dict(loader.parameters), project, Path(loader.conf_source))
    rosters = {name: Roster.model_validate(usable[name]) for name in ROSTERS}
    found += [
        *wrong_tasks(typed),
        *wrong_training(typed, rosters, _every_entry(parameters)),
        *too_much_work(typed),
    ]
    try:
        nodes = asked()
    except CircuitScalingError as error:
        found.append(Problem("", error.message))
    else:
        found += missing_files(nodes, typed, places, project)
        found += [*wrong_task_files(nodes, typed), *untraceable_tasks(nodes, typed)]
        found += unknown_pairs(nodes, typed, rosters[MODELS])
        if not models_may_fail:
            found += wrong_models(nodes, rosters)
    refuse(found)


def _with_graph_problems(found: list[Problem], loader: ProjectConfigLoader) -> list[Problem]:
    """And why pipelines cannot be built; then they are built without what is in the way."""
    for part in (LEFT_OUT, DEFAULT_PIPELINES):
        try:
            len(pipelines)
            break
        except CircuitScalingError as error:
            found = [*found, Problem("", error.message)]
        loader.go_on_without(part)
    try:
        len(pipelines)
    except CircuitScalingError as error:
        refuse([*found, Problem("", error.message)])
    return found


def _types_of_blocks() -> dict[str, type]:
    """Block of parameters -> the type that nodes take it as; rosters have checks of their own."""
    types = TypeExtractor(dict(pipelines)).extract_types_from_pipelines()
    return {
        name: kind for name, kind in types.items() if name.partition(".")[0] not in (*ROSTERS, ALL)
    }


def _taken_by_nodes() -> set[str]:
    """Names at the top of the parameters that a node of any pipeline takes."""
    return {
        name.removeprefix(PARAMETER).partition(".")[0]
        for pipeline in pipelines.values()
        for name in pipeline.inputs()
        if name.startswith(PARAMETER)
    }


def _every_entry(parameters: dict[str, Any]) -> Roster | None:
    """The entries of all rosters; None where these are wrong."""
    try:
        rosters = Rosters.model_validate(parameters.get(ALL))
    except ValueError:
        return None
    every = {slug: entry for roster in rosters.root.values() for slug, entry in roster.root.items()}
    return Roster.model_construct(root=every)
