"""Hooks: what a person sees when something is missing or a run stops; what a scan leaves behind."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import get_ident
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import AbstractVersionedDataset, DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline

from circuit_scaling.commands import run_command
from circuit_scaling.configuration import ProjectConfigLoader
from circuit_scaling.datasets import CheckpointDataset, TableDataset
from circuit_scaling.datasets.stamps import StampedFiles
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.locks import node_lock
from circuit_scaling.makers import makers_of
from circuit_scaling.marks import KEEPS_LAYERS, PARTS_MAY_BE_MISSING
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.resume.ledger import Absent
from circuit_scaling.vocabulary import first_few

_VERSIONS_SHOWN = 4
_NAMES_SHOWN = 4


class MissingInputs:
    """Before anything runs, every stored table that the run needs must be there, and whole."""

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Stand in for parts that may be missing; stop for the others.

        Raises:
            CircuitScalingError: a table is not there or damaged; the message has the command that
                makes it.
        """
        inputs = [
            name
            for name in sorted(pipeline.inputs())
            if not name.startswith(("params:", "parameters"))
        ]
        missing = [name for name in inputs if not catalog.exists(name)]
        needed = [name for name in missing if not _may_be_missing(pipeline, name)]
        if needed:
            raise CircuitScalingError(_way_out(needed))
        if damaged := _damaged([name for name in inputs if name not in missing], catalog):
            raise CircuitScalingError(_damaged_in_words(damaged))
        with _unannounced():
            for name in missing:
                catalog[name] = Absent()


class OneAtATime:
    """What a node stores is made by one run at a time: another run waits for it.

    The lock is taken before the node runs and given back when all its results are saved. Nodes run
    in several threads, or in processes forked from that of the run, one at a time in each.
    """

    def __init__(self) -> None:
        self._data_root: Path | None = None  # outside a run nobody else is at work
        self._turns: dict[int, tuple[ExitStack, set[str]]] = {}

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Remember where the run stores what it makes."""
        self._data_root = ProjectConfigLoader.present().data_root

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog) -> None:
        """Take the lock of a node that stores something, or wait for it.

        Raises:
            CircuitScalingError: the data root cannot be written.
        """
        self._end_turn(get_ident())  # of a node whose results could not be saved
        if self._data_root is not None and any(_is_stored(name, catalog) for name in node.outputs):
            turn = ExitStack()
            turn.enter_context(node_lock(self._data_root, node.name))
            self._turns[get_ident()] = turn, set(node.outputs)

    @hook_impl(trylast=True)  # others still write what belongs to the result
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Give the lock back after the last result."""
        _, unsaved = self._turns.get(get_ident(), (None, {dataset_name}))
        unsaved.discard(dataset_name)
        if not unsaved:
            self._end_turn(get_ident())

    @hook_impl
    def on_node_error(self) -> None:
        """Give the lock back: nothing will be saved."""
        self._end_turn(get_ident())

    @hook_impl(tryfirst=True)  # another hook raises
    def on_pipeline_error(self) -> None:
        """Give all locks back, also where results could not be saved."""
        for thread in [*self._turns]:
            self._end_turn(thread)

    def _end_turn(self, thread: int) -> None:
        turn, _ = self._turns.pop(thread, (None, set()))
        if turn is not None:
            turn.close()


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


@contextmanager
def _unannounced() -> Iterator[None]:
    """Let datasets be replaced without a warning of Kedro for each."""
    logger = logging.getLogger(DataCatalog.__module__)
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


def _is_stored(name: str, catalog: DataCatalog) -> bool:
    return isinstance(catalog.get(name), TableDataset | StampedFiles | CheckpointDataset)


def _latest(versions: list[str]) -> str:
    if not versions:
        return "It has none."
    older = len(versions) - _VERSIONS_SHOWN
    more = f" and {older} older" if older > 0 else ""
    return f"It has: {', '.join(versions[:_VERSIONS_SHOWN])}{more}."


def _may_be_missing(pipeline: Pipeline, name: str) -> bool:
    readers = [node for node in pipeline.nodes if name in node.inputs]
    return all(PARTS_MAY_BE_MISSING in node.tags for node in readers)


def _damaged(names: list[str], catalog: DataCatalog) -> dict[str, str]:
    """The tables of which not everything can be read -> the file of each."""
    tables = {name: catalog.get(name) for name in names}
    return {
        name: str(table._get_load_path())
        for name, table in tables.items()
        if isinstance(table, TableDataset) and not table.is_whole()
    }


def _damaged_in_words(damaged: dict[str, str]) -> str:
    makers = dict.fromkeys(maker for name in damaged for maker in makers_of(name)[:1])
    file = next(iter(damaged.values()))
    named = first_few([*damaged], _NAMES_SHOWN)
    return (
        f"{named} {'is' if len(damaged) == 1 else 'are'} damaged ('{file}'). Make what is damaged "
        "again: "
        f"{run_command(makers, options=['--resume'])} Or remove the version's folder, to use the "
        "version before."
    )


def _way_out(needed: list[str]) -> str:
    makers = {name: makers_of(name) for name in needed}
    commands = dict.fromkeys(names[0] for names in makers.values() if names)
    others = dict.fromkeys(other for names in makers.values() for other in names[1:])
    way = f" Make them with: {run_command(commands)}" if commands else ""
    way += f" (or {', '.join(others)})" if others else ""
    return f"There is no {first_few(needed, _NAMES_SHOWN)} yet.{way}"
