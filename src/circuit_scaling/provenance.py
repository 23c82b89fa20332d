"""Hooks: every output says what it was made from, and no run mixes what does not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import pandas as pd
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from circuit_scaling.commands import Plain, run_command
from circuit_scaling.configuration import PARAMETER
from circuit_scaling.datasets.stamps import STAMP, Stamp, StampedFiles
from circuit_scaling.datasets.table import TableDataset
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.makers import makers_of, pipeline_of
from circuit_scaling.marks import MEASURES
from circuit_scaling.resume.judge import Difference, outdated_before
from circuit_scaling.resume.ledger import Ledger
from circuit_scaling.tables.made_with import made_with, of_attributes, set_made_with
from circuit_scaling.typed import Block
from circuit_scaling.vocabulary import first_few

_SHOWN = 3


class MadeWith:
    """Tables carry their parameters, and stored ones must fit the present configuration."""

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Compare every stored table that the run reads with the configuration.

        Raises:
            CircuitScalingError: one was made with other parameters; the message has the command
                that makes it again. Nothing was run.
        """
        differ = {
            name: found
            for name in sorted(pipeline.inputs())
            if not name.startswith(PARAMETER) and (found := _differing(name, catalog))
        }
        if differ:
            asked = run_params.get("pipeline_names") or []
            raise CircuitScalingError(_way_out(differ, asked, catalog))

    @hook_impl
    def after_node_run(self, node: Node, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Give every table that a node returns the parameters that it depends on."""
        if MEASURES in node.tags:
            return
        parameters: dict[str, Any] = {}
        for name, value in inputs.items():
            if isinstance(value, pd.DataFrame):
                parameters |= made_with(value)
            elif name.startswith(PARAMETER):
                parameters |= _flat(name.removeprefix(PARAMETER), value)
        for table in _tables(outputs.values()):
            set_made_with(table, parameters)


class Stamping:
    """Every output says what it was made from: node, parameters, inputs and code."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[StampedFiles, Stamp]] = {}

    @hook_impl
    def after_node_run(
        self, node: Node, catalog: DataCatalog, inputs: dict[str, Any], outputs: dict[str, Any]
    ) -> None:
        """Stamp the tables; of files, remember the stamp until they are written."""
        stamp = Ledger(catalog).stamp_now(node, inputs)
        for name, value in outputs.items():
            dataset = catalog.get(name)
            if isinstance(value, pd.DataFrame):
                value.attrs[STAMP] = stamp.as_data()
            elif isinstance(dataset, StampedFiles):
                self._files[name] = (dataset, stamp)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """Half-written files must not pass for what they were before."""
        if dataset_name in self._files:
            self._files[dataset_name][0].set_stamp(None)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """All files are there."""
        if dataset_name in self._files:
            dataset, stamp = self._files.pop(dataset_name)
            dataset.set_stamp(stamp)


class NothingOutdated:
    """Nothing that a run reads may be left behind by what it was made from."""

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Follow every stored table that the run reads back to what it was made from.

        Versions that are asked for by name are read as they are.

        Raises:
            CircuitScalingError: one would be another one now; the message has the command that
                makes it, and all that follows from it, again. Nothing was run.
        """
        pinned = run_params.get("load_versions") or {}
        read = [name for name in sorted(pipeline.inputs()) if name not in pinned]
        outdated = outdated_before(read, Ledger(catalog))
        if outdated:
            raise CircuitScalingError(
                _outdated_in_words(outdated, run_params.get("pipeline_names") or [])
            )


def _outdated_in_words(outdated: Mapping[Node, Difference | None], asked: Collection[str]) -> str:
    named: dict[str, list[str]] = {}
    for difference in filter(None, outdated.values()):
        named.setdefault(difference.what, []).append(difference.name)
    told = [f"{first_few(names, _SHOWN)}: made {what}" for what, names in named.items()]
    makers = {*map(pipeline_of, outdated), *asked}
    ordered = [name for name in pipelines if name in makers]
    again = run_command(ordered, options=["--resume"])
    return f"{first_few(told, _SHOWN, '; ')}. Make what is left behind again: {again}"


def _differing(name: str, catalog: DataCatalog) -> dict[str, tuple[Any, Any]]:
    """Parameter -> the value that a stored table was made with, and the present one."""
    dataset = catalog.get(name)
    if not isinstance(dataset, TableDataset) or not dataset.exists():
        return {}
    present: dict[str, Any] = {}
    found = of_attributes(dataset.attributes())
    for block in {parameter.partition(".")[0] for parameter in found}:
        if f"{PARAMETER}{block}" in catalog:
            present |= _flat(block, catalog.load(f"{PARAMETER}{block}"))
    return {
        parameter: (value, present[parameter])
        for parameter, value in found.items()
        if parameter in present and _differs(value, present[parameter])
    }


def _differs(was: Any, now: Any) -> bool:
    """Whether a value is another one; of a block within a block, what both of them say.

    Where no node of the run has a block typed, its defaults are not filled in.
    """
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        return any(_differs(was[name], now[name]) for name in was.keys() & now.keys())
    return bool(was != now)


def _flat(block: str, value: Any) -> dict[str, Any]:
    """A block of the configuration by dotted names, as far as results depend on it.

    Of the tasks the names count: what they are is in the fingerprints of prompts and scans. A
    roster is none: each model's tables say by their fingerprints what it was.
    """
    if block.partition(".")[0] in ("models", "retrieval_models", "rosters"):
        return {}
    if isinstance(value, Block):
        return {f"{block}.{name}": plain for name, plain in value.for_results().items()}
    if block == "tasks":
        return {"tasks": sorted(getattr(value, "root", value))}
    if isinstance(value, Mapping):  # of another pipeline, and so not typed in this run
        return {f"{block}.{name}": plain for name, plain in value.items()}
    return {block: value}


def _tables(values: Iterable[Any]) -> Iterator[pd.DataFrame]:
    """Tables, also those of exports and those beside figures."""
    for value in values:
        if isinstance(value, pd.DataFrame):
            yield value
        elif isinstance(value, dict | tuple):
            yield from _tables(value.values() if isinstance(value, dict) else value)


def _way_out(
    differ: Mapping[str, Mapping[str, tuple[Any, Any]]], asked: list[str], catalog: DataCatalog
) -> str:
    changed = {name: values for found in differ.values() for name, values in found.items()}
    told = [f"{name} = {was} (now {now})" for name, (was, now) in changed.items()]
    tables = first_few([*differ], _SHOWN)
    again = _to_make_again(differ, {name.partition(".")[0] for name in changed}, catalog)
    again |= set(asked)
    ordered = [name for name in pipelines if name in again]
    them = "it" if len(differ) == 1 else "them"
    way = f"Make {them} again: {run_command(ordered, options=['--resume'])}"
    as_made = {name: was for name, (was, _) in changed.items() if isinstance(was, Plain)}
    if len(as_made) == len(changed):
        way += f" Or keep {them} as made: {run_command(asked, params=as_made)}"
    return f"{tables}: made with {first_few(told, _SHOWN)}. {way}"


def _to_make_again(differ: Iterable[str], blocks: set[str], catalog: DataCatalog) -> set[str]:
    """The pipelines that make these tables, and those before them that must run again as well.

    Args:
        blocks: of the configuration, in which something has changed.
    """
    again: set[str] = set()
    waiting = list(differ)
    while waiting:
        for maker in makers_of(waiting.pop())[:1]:
            if maker not in again:
                again.add(maker)
                waiting += [
                    name
                    for name in pipelines[maker].inputs()
                    if _is_measured_with(name, blocks) or _differing(name, catalog)
                ]
    return again


def _is_measured_with(name: str, blocks: set[str]) -> bool:
    """Whether a measurement that takes one of these blocks makes the table."""
    return any(
        name in node.outputs
        and MEASURES in node.tags
        and not blocks.isdisjoint(part.removeprefix(PARAMETER) for part in node.inputs)
        for maker in makers_of(name)
        for node in pipelines[maker].nodes
    )
