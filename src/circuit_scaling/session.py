"""The project's session: a name that does not exist is one line with the names that do."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from inspect import signature
from itertools import accumulate
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines, settings
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog, DatasetNotFoundError
from kedro.pipeline import Pipeline
from kedro.pipeline.pipeline import OutputNotUniqueError
from kedro.utils import find_kedro_project

from circuit_scaling.checks.every import check_before_run
from circuit_scaling.commands import run_command
from circuit_scaling.configuration import ProjectConfigLoader
from circuit_scaling.datasets import TableDataset
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.makers import what_to_run
from circuit_scaling.vocabulary import some_of

_SHOWN = 8


class ProjectSession(KedroSession):
    """Kedro's session, with clear words for a pipeline, node, dataset or tag that is not there."""

    _asked: Mapping[str, Any] | None = None

    def load_context(self) -> KedroContext:
        """The context; of a run, after everything that can be checked before it was checked.

        Raises:
            CircuitScalingError: lists what is wrong.
        """
        context = super().load_context()
        if self._asked is not None:
            assert isinstance(context.config_loader, ProjectConfigLoader)
            check_before_run(
                context.config_loader,
                context.project_path,
                partial(_nodes, self._asked),
                models_may_fail=getattr(self._asked.get("runner"), "keep_going", False),
            )
        return context

    def run(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run pipelines; see :class:`KedroSession`.

        Raises:
            CircuitScalingError: a setting is wrong; a pipeline, or a part of it that is asked for,
                does not exist; no node is left; or two pipelines make the same table.
        """
        asked = self._asked = signature(super().run).bind(*args, **kwargs).arguments
        try:
            return super().run(*args, **kwargs)
        except OutputNotUniqueError as error:
            raise CircuitScalingError(_twice(_names(asked))) from error
        except DatasetNotFoundError as error:
            if "load_versions" not in str(error):
                raise
            unknown = str(error).partition("[")[2].partition("]")[0]
            raise CircuitScalingError(
                f"--load-versions names {unknown}, which the catalogue does not have. List "
                "what it has with: kedro catalog describe-datasets"
            ) from error
        except ValueError as error:
            reason = _unknown(asked)
            if reason is None:
                raise
            raise CircuitScalingError(reason) from error


def load_table(name: str, project: Path | None, env: str | None) -> pd.DataFrame:
    """A table of the last run, from the catalogue of a project and an environment.

    No context is made, which would build pipelines for this environment in place of the present.

    Raises:
        CircuitScalingError: there is no project, no such table, or nothing has made it yet.
    """
    found = find_kedro_project(project or Path.cwd())
    if found is None:
        raise CircuitScalingError(
            f"'{project or Path.cwd()}' does not lie in a project. Name its folder: "
            "load(..., project=FOLDER)"
        )
    bootstrap_project(found)
    loader = ProjectConfigLoader(
        str(found / settings.CONF_SOURCE),
        env=env or os.environ.get("KEDRO_ENV"),
        **settings.CONFIG_LOADER_ARGS,
    )
    entries = loader["catalog"]
    for entry in entries.values():
        if "filepath" in entry:
            entry["filepath"] = (found / entry["filepath"]).as_posix()
    catalog = DataCatalog.from_config(entries)
    if not isinstance(catalog.get(name), TableDataset):
        tables = [n for n in what_to_run() if isinstance(catalog.get(n), TableDataset)]
        raise CircuitScalingError(f"There is no table '{name}'. There {_listed([name], tables)}.")
    if not catalog.exists(name):
        every = name in pipelines["__default__"].all_outputs()
        makers = () if every else what_to_run().get(name, ())
        way = run_command(makers, env=env, options=() if makers else ["--resume"])
        raise CircuitScalingError(f"There is no {name} yet. Make it with: {way}")
    table: pd.DataFrame = catalog.load(name)
    return table


def asked_for(names: Sequence[str]) -> Pipeline:
    """The pipelines of these names as one; without a name, those that the environment runs.

    Raises:
        CircuitScalingError: there is no such pipeline, or two of them make the same table.
    """
    return _nodes({"pipeline_names": list(names)})


def _names(asked: Mapping[str, Any]) -> list[str]:
    """The pipelines that are asked for."""
    one = asked.get("pipeline_name")
    return [one] if one else list(asked.get("pipeline_names") or ["__default__"])


def _twice(names: Sequence[str]) -> str:
    """That these pipelines do not go together, in words."""
    return (
        f"Two of these pipelines make the same tables: {_quoted(names)}. Heads are joined from "
        "scans (join) or imported (import_tables), and rankings measured (retrieval_detect, "
        "retrieval_mask) or imported (import_retrieval), never both in one run."
    )


def _nodes(asked: Mapping[str, Any]) -> Pipeline:
    """The nodes that a run is asked for.

    Raises:
        CircuitScalingError: something that is asked for does not exist, or two pipelines make the
            same table.
    """
    try:
        reason = _unknown(asked)
        if reason is not None:
            raise CircuitScalingError(reason)
        pipeline = sum((pipelines[name] for name in _names(asked)), Pipeline([]))
    except OutputNotUniqueError as error:
        raise CircuitScalingError(_twice(_names(asked))) from error
    options = [option for option in _PARTS if asked.get(option)]
    return pipeline.filter(**{_FILTERS.get(option, option): asked[option] for option in options})


def _unknown(asked: Mapping[str, Any]) -> str | None:
    """What is asked for and not there, in words; None where everything is."""
    names = _names(asked)
    there = [name for name in pipelines if name != "__default__"]
    missing = [name for name in names if name not in pipelines]
    if missing:
        return f"There is no such pipeline: {_quoted(missing)}. There are: {', '.join(there)}."
    pipeline = sum((pipelines[name] for name in names), Pipeline([]))
    options = [option for option in _PARTS if asked.get(option)]
    for option in options:
        kind, parts_of = _PARTS[option]
        known = set(parts_of(pipeline))
        given = list(asked[option])
        missing = [name for name in given if name not in known]
        # Of tags any is enough; of everything else all must be there.
        if missing and (option != "tags" or missing == given):
            return (
                f"There is no {kind} {_quoted(missing)} in {', '.join(names)}. "
                f"There {_listed(missing, known)}."
            )
    try:
        pipeline.filter(**{_FILTERS.get(option, option): asked[option] for option in options})
    except ValueError:
        return (
            f"No node of {', '.join(names)} is left by {', '.join(map(_option, options))} together."
        )
    return None


def _listed(missing: Sequence[str], known: Collection[str]) -> str:
    """The known names, or of many those that are like the missing ones."""
    if not known:
        return "are none"
    like = [name for wrong in missing for name in get_close_matches(wrong, known, _SHOWN)]
    shown = sorted(known) if len(known) <= _SHOWN else (like or sorted(known))[:_SHOWN]
    return f"are: {some_of(shown, len(known))}"


def _namespaces(pipeline: Pipeline) -> Iterator[str]:
    """Every stage and every model in a stage: ``scan``, ``scan.gpt2``."""
    for node in pipeline.nodes:
        yield from accumulate((node.namespace or "").split("."), "{}.{}".format)


def _option(name: str) -> str:
    return f"--{'nodes' if name == 'node_names' else name.replace('_', '-')}"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _node_names(pipeline: Pipeline) -> Iterator[str]:
    return (node.name for node in pipeline.nodes)


# What a run can be narrowed to: argument of the session -> kind of name, names in a pipeline.
_PARTS: Mapping[str, tuple[str, Callable[[Pipeline], Iterable[str]]]] = {
    "namespaces": ("stage or model", _namespaces),
    "tags": ("tag", lambda pipeline: (tag for node in pipeline.nodes for tag in node.tags)),
    "node_names": ("node", _node_names),
    "from_nodes": ("node", _node_names),
    "to_nodes": ("node", _node_names),
    "from_inputs": ("dataset", Pipeline.datasets),
    "to_outputs": ("dataset", Pipeline.datasets),
}
_FILTERS = {"namespaces": "node_namespaces"}  # of Pipeline.filter, where it has another name
