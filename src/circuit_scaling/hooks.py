"""Hooks: what a person sees when something is missing or a run stops; what a scan leaves behind."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import AbstractVersionedDataset, DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline

from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.makers import makers_of
from circuit_scaling.marks import KEEPS_LAYERS, PARTS_MAY_BE_MISSING
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.resume.ledger import Absent

_VERSIONS_SHOWN = 4


class MissingInputs:
    """Before anything runs, every stored table that the run needs must be there."""

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Stand in for parts that may be missing; stop for the others.

        Raises:
            CircuitScalingError: a table is not there; the message has the command that makes it.
        """
        missing = [
            name
            for name in sorted(pipeline.inputs())
            if not name.startswith(("params:", "parameters")) and not catalog.exists(name)
        ]
        needed = [name for name in missing if not _may_be_missing(pipeline, name)]
        if needed:
            raise CircuitScalingError(_way_out(needed))
        for name in missing:
            catalog[name] = Absent()


class KnownVersions:
    """Before anything runs, every version that is asked for must be there."""

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], catalog: DataCatalog) -> None:
        """Look each of ``--load-versions`` up.

        Raises:
            CircuitScalingError: a table has no such version; the message has those that it has.
        """
        for name, version in (run_params["load_versions"] or {}).items():
            dataset = catalog.get(name)
            there = []
            if isinstance(dataset, AbstractVersionedDataset):
                there = dataset.list_versions(full_path=False)
            if version not in there:
                raise CircuitScalingError(
                    f"There is no version '{version}' of {name}. {_latest(there)}"
                )


class FinishedScans:
    """The layers that a scan kept are removed when all of its tables are stored, and not before."""

    def __init__(self) -> None:
        self._not_stored: dict[Path, set[str]] = {}

    @hook_impl
    def after_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Remember where the layers are, and which tables are still to be stored."""
        if KEEPS_LAYERS not in node.tags:
            return
        (entry,) = (value for value in inputs.values() if isinstance(value, RosterEntry))
        (settings,) = (value for value in inputs.values() if isinstance(value, ScanSettings))
        if folder := settings.kept_of(entry.slug):
            self._not_stored[folder] = set(node.outputs)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """After the last table, remove what the scan and others of its model have left."""
        for folder, names in [*self._not_stored.items()]:
            names.discard(dataset_name)
            if not names and self._not_stored.pop(folder, None) is not None:
                shutil.rmtree(folder, ignore_errors=True)


class OneLineErrors:
    """A refused table or an unwritable file is one clear line, as every other error for people."""

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Raise the message in place of Kedro's wrapping of it.

        Raises:
            CircuitScalingError: what was wrong, if the error is one for people.
        """
        reason: BaseException | None = error
        while reason is not None:
            if isinstance(reason, CircuitScalingError):
                raise reason
            reason = reason.__cause__
        if isinstance(error, DatasetError):
            raise CircuitScalingError(str(error)) from error


def _latest(versions: list[str]) -> str:
    if not versions:
        return "It has none."
    older = len(versions) - _VERSIONS_SHOWN
    more = f" and {older} older" if older > 0 else ""
    return f"It has: {', '.join(versions[:_VERSIONS_SHOWN])}{more}."


def _may_be_missing(pipeline: Pipeline, name: str) -> bool:
    readers = [node for node in pipeline.nodes if name in node.inputs]
    return all(PARTS_MAY_BE_MISSING in node.tags for node in readers)


def _way_out(needed: list[str]) -> str:
    makers = {name: makers_of(name) for name in needed}
    commands = dict.fromkeys(names[0] for names in makers.values() if names)
    others = dict.fromkeys(other for names in makers.values() for other in names[1:])
    shown = ", ".join(needed[:4]) + (f" and {len(needed) - 4} more" if len(needed) > 4 else "")
    way = f" Make them with: {run_command(commands)}" if commands else ""
    way += f" (or {', '.join(others)})" if others else ""
    return f"There is no {shown} yet.{way}"
