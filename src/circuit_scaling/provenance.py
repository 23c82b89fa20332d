"""Hooks: every table carries the parameters it was made with, and no run mixes two sets of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from circuit_scaling.commands import Plain, run_command
from circuit_scaling.datasets.table import TableDataset
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.makers import makers_of
from circuit_scaling.tables.made_with import made_with, of_attributes, set_made_with
from circuit_scaling.typed import Block

MEASURES = "measures"
"""Tag of nodes whose tables carry a fingerprint of their own, which is checked by who reads them:
it knows what a measurement does not depend on, so that nothing is measured again without need."""

_PARAMETER = "params:"
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
            if not name.startswith(_PARAMETER) and (found := _differing(name, catalog))
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
            elif name.startswith(_PARAMETER):
                parameters |= _flat(name.removeprefix(_PARAMETER), value)
        for table in _tables(outputs.values()):
            set_made_with(table, parameters)


def _differing(name: str, catalog: DataCatalog) -> dict[str, tuple[Any, Any]]:
    """Parameter -> the value that a stored table was made with, and the present one."""
    dataset = catalog.get(name)
    if not isinstance(dataset, TableDataset) or not dataset.exists():
        return {}
    present: dict[str, Any] = {}
    found = of_attributes(dataset.attributes())
    for block in {parameter.partition(".")[0] for parameter in found}:
        if f"{_PARAMETER}{block}" in catalog:
            present |= _flat(block, catalog.load(f"{_PARAMETER}{block}"))
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
    tables = ", ".join([*differ][:_SHOWN])
    if len(differ) > _SHOWN:
        tables += f" and {len(differ) - _SHOWN} more"
    again = _to_make_again(differ, {name.partition(".")[0] for name in changed}, catalog)
    again |= set(asked)
    ordered = [name for name in pipelines if name in again]
    them = "it" if len(differ) == 1 else "them"
    way = f"Make {them} again: {run_command(ordered)}"
    as_made = {name: was for name, (was, _) in changed.items() if isinstance(was, Plain)}
    if len(as_made) == len(changed):
        way += f" Or keep {them} as made: {run_command(asked, params=as_made)}"
    return (
        f"{tables}: made with {', '.join(told[:_SHOWN])}"
        f"{f' and {len(told) - _SHOWN} more' if len(told) > _SHOWN else ''}. {way}"
    )


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
        and not blocks.isdisjoint(part.removeprefix(_PARAMETER) for part in node.inputs)
        for maker in makers_of(name)
        for node in pipelines[maker].nodes
    )
