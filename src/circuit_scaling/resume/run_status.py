"""What kedro-viz shows of the last runs: status, duration and errors of nodes, sizes of datasets.

kedro-viz records whole runs with Kedro's sequential runner alone, and warns of all others. Here
each node is recorded where it runs, in whichever process that is, so that every run counts; what a
run leaves as it is keeps its record. The record is written in the form in which kedro-viz reads it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Node

from circuit_scaling.configuration import ProjectConfigLoader
from circuit_scaling.datasets.atomic import write_bytes_atomically
from circuit_scaling.datasets.sizes import bytes_of
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.resume import record
from circuit_scaling.resume.record import NodeRun, Stored

FOLDER = Path(".viz")
"""Where kedro-viz looks, in the folder of the project."""
_EVENTS, _STATS = "kedro_pipeline_events.json", "stats.json"
_VIEWER = "kedro_viz.server"
"""The module that every kedro-viz loads, and that nothing else does."""
Event = Mapping[str, Any]


@dataclass
class _Running:
    """A node on its way."""

    node: Node
    catalog: DataCatalog
    run_id: str | None
    unsaved: set[str]
    began: float = field(default_factory=perf_counter)
    seconds: float = 0.0
    datasets: dict[str, Stored] = field(default_factory=dict)


class RunStatus:
    """Every node leaves a record of how it went, which kedro-viz shows."""

    def __init__(self) -> None:
        self._project, self._data_root = Path(), Path()
        self._running: dict[str, _Running] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember whose runs these are."""
        self._project = Path(context.project_path)

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Keep records beside what the run makes."""
        self._running.clear()  # of a run that was interrupted
        self._data_root = ProjectConfigLoader.present().data_root
        record.record_in(self._data_root)

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog, run_id: str | None) -> None:
        """Take the time."""
        record.begun(node)
        self._running[node.name] = _Running(node, catalog, run_id, {*node.outputs})

    @hook_impl
    def after_node_run(self, node: Node, inputs: dict[str, Any]) -> None:
        """Take the time again, and note what was read."""
        running = self._running[node.name]
        running.seconds = perf_counter() - running.began
        for name, value in inputs.items():
            if value is not None:  # a part that may be missing, and is
                running.datasets[name] = _stored(name, value, running.catalog)
        self._end_of(node)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any, node: Node) -> None:
        """Note what was stored; after the last result the node is done."""
        if running := self._running.get(node.name):
            running.datasets[dataset_name] = _stored(dataset_name, data, running.catalog)
            running.unsaved.discard(dataset_name)
            self._end_of(node)

    @hook_impl
    def on_node_error(self, error: Exception, node: Node, run_id: str | None) -> None:
        """Keep why a node failed."""
        running = self._running.pop(node.name, None)
        seconds = perf_counter() - running.began if running else 0.0
        record.failed(node, run_id, error, seconds=seconds)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Show the run in a kedro-viz that is open."""
        self._end()

    @hook_impl(tryfirst=True)  # another hook raises
    def on_pipeline_error(self, error: Exception) -> None:
        """Keep why a node failed whose results could not be stored, and show the run."""
        for running in self._running.values():
            if len(self._running) == 1 and record.is_open(running.node):
                record.failed(running.node, running.run_id, error, seconds=running.seconds)
        self._end()

    def _end_of(self, node: Node) -> None:
        running = self._running[node.name]
        if not running.unsaved:
            record.done(node, running.run_id, running.seconds, running.datasets)
            del self._running[node.name]

    def _end(self) -> None:
        self._running.clear()
        record.record_in(None)
        if _is_shown(self._project, self._data_root):
            show(self._project, self._data_root)


def show_where_viewed(project: Path, loader: ProjectConfigLoader) -> None:
    """Show the last runs of the data root of a configuration, if it is kedro-viz that reads it.

    kedro-viz has one record per project, and an environment for each time that it is started.
    """
    if _VIEWER in sys.modules:
        show(project, loader.data_root)


def show(project: Path, data_root: Path) -> None:
    """Write what is recorded in a data root to where kedro-viz reads it."""
    runs = record.recorded_in(data_root)
    stats = {name: told for run in runs for name, told in _stats(run)}
    with suppress(CircuitScalingError):  # kedro-viz opens without it
        for file, content in ((_EVENTS, [*events_of(runs, data_root)]), (_STATS, stats)):
            write_bytes_atomically(project / FOLDER / file, json.dumps(content, indent=1).encode())


def events_of(runs: Sequence[NodeRun], data_root: Path) -> Iterator[Event]:
    """The last runs of nodes as one list of events, as kedro-viz writes and reads them.

    Beginning, end and errors of the whole are those of the run that began last.
    """
    if not runs:
        return
    began = max(run.began for run in runs)
    last = [run for run in runs if run.began == began]
    yield {"event": "before_pipeline_run", "timestamp": began, "data_root": str(data_root)}
    for run in runs:
        yield from _events_of(run)
    end = {"timestamp": last[-1].ended}
    if errors := [f"{run.node}: {run.error}" for run in last if run.error is not None]:
        yield {"event": "on_pipeline_error", "error": "\n".join(errors), **end}
    else:
        yield {"event": "after_pipeline_run", **end}


def _events_of(run: NodeRun) -> Iterator[Event]:
    node = {"node": run.node, "node_id": _id(run.described), "duration": run.seconds}
    for name, stored in run.datasets.items():
        told = {"dataset": name, "node_id": _id(name), "status": "success", "size": stored.size}
        yield {"event": "after_dataset_saved", **told}
    if run.error is None:
        yield {"event": "after_node_run", **node, "status": "success"}
    else:
        yield {"event": "on_node_error", **node, "error": run.error, "traceback": run.trace}


def _stats(run: NodeRun) -> Iterator[tuple[str, dict[str, int]]]:
    """Rows, columns and bytes of the tables, by the names that kedro-viz has for them."""
    for name, stored in run.datasets.items():
        told = {key: value for key, value in asdict(stored).items() if value is not None}
        if told:
            yield name, {"file_size" if key == "size" else key: told[key] for key in told}


def _stored(name: str, value: Any, catalog: DataCatalog) -> Stored:
    size = bytes_of(catalog.get(name))
    if isinstance(value, pd.DataFrame):
        return Stored(size, *map(int, value.shape))
    return Stored(size)


def _is_shown(project: Path, data_root: Path) -> bool:
    """Whether kedro-viz shows this data root at present."""
    try:
        events = json.loads((project / FOLDER / _EVENTS).read_bytes())
        return bool(events) and events[0].get("data_root") == str(data_root)
    except (OSError, ValueError, LookupError, AttributeError, TypeError):
        return False


def _id(name: str) -> str:
    """What kedro-viz calls a dataset, or a node as Kedro describes it."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:8]
