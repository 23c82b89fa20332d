"""What kedro-viz is shown of runs, read with its own code, whichever runner it was."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest
from kedro.framework.hooks.manager import _create_hook_manager, _register_hooks
from kedro.io import DataCatalog, MemoryDataset, SharedMemoryDataCatalog
from kedro.io.core import Version
from kedro.pipeline import Node, Pipeline
from kedro.runner import AbstractRunner, ParallelRunner, SequentialRunner, Task, ThreadRunner
from kedro_viz.api.rest.responses.run_events import (
    RunStatusAPIResponse,
    transform_events_to_structured_format,
)
from kedro_viz.constants import PIPELINE_EVENT_FULL_PATH
from kedro_viz.integrations.kedro.hooks_utils import hash_node

from circuit_scaling.datasets import TableDataset
from circuit_scaling.resume import run_status
from circuit_scaling.resume.run_status import RunStatus, show, show_where_viewed
from circuit_scaling.runners import InOneProcess, InProcesses, InThreads

OURS = (InOneProcess, InThreads, InProcesses)
KEDROS = (SequentialRunner, ThreadRunner, ParallelRunner)


def scan(weights: str) -> pd.DataFrame:
    """Effects; fails in ways that the weights name."""
    if weights == "bad":
        raise ValueError("these weights\nare bad")
    if weights == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return pd.DataFrame({"delta": [1.0] * len(weights), "head": 0})


def count(table: pd.DataFrame) -> pd.DataFrame:
    """How many rows there are."""
    return pd.DataFrame({"rows": [len(table)]})


SCAN_A = Node(scan, "params:a", "effects__a", name="ablate", namespace="scan.a")
SCAN_B = Node(scan, "params:b", "effects__b", name="ablate", namespace="scan.b")
COUNT_A = Node(count, "effects__a", "count__a", name="count_a")
STUDY = Pipeline([SCAN_A, SCAN_B, COUNT_A])
TABLES = ("effects__a", "effects__b", "count__a")


class Study:
    """A toy study in a project of its own, run as Kedro's session runs one."""

    def __init__(self, project: Path) -> None:
        self.project, self.data_root = project, project / "data"

    def run(
        self,
        runner: AbstractRunner,
        a: str = "a",
        pipeline: Pipeline = STUDY,
    ) -> None:
        """Run it with these weights of model a; errors of runs are passed over."""
        hooks = _create_hook_manager()
        _register_hooks(hooks, (RunStatus(),))
        hooks.hook.after_context_created(context=SimpleNamespace(project_path=self.project))
        kind = SharedMemoryDataCatalog if isinstance(runner, ParallelRunner) else DataCatalog
        version = Version(None, "2026-01-01T00.00.00.000Z")
        catalog = kind(
            {
                **{
                    name: TableDataset(filepath=f"{self.data_root / name}.parquet", version=version)
                    for name in TABLES
                },
                "params:a": MemoryDataset(a),
                "params:b": MemoryDataset("bbb"),
            }
        )
        hooks.hook.before_pipeline_run(run_params={}, pipeline=pipeline, catalog=catalog)
        try:
            runner.run(pipeline, catalog, hooks, run_id="2026-01-02T03.04.05.678Z")
        except Exception as error:
            hooks.hook.on_pipeline_error(
                error=error, run_params={}, pipeline=pipeline, catalog=catalog
            )
        else:
            hooks.hook.after_pipeline_run(
                run_params={}, run_result={}, pipeline=pipeline, catalog=catalog
            )

    @property
    def written(self) -> Path:
        """Where kedro-viz reads."""
        return self.project / PIPELINE_EVENT_FULL_PATH

    def seen(self) -> RunStatusAPIResponse:
        """What kedro-viz shows when it is opened."""
        show(self.project, self.data_root)
        return transform_events_to_structured_format(json.loads(self.written.read_text()))


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The toy study; hooks are the same in processes of its runs."""
    made = Study(tmp_path)
    present = SimpleNamespace(present=lambda: SimpleNamespace(data_root=made.data_root))
    monkeypatch.setattr(run_status, "ProjectConfigLoader", present)
    monkeypatch.setattr(run_status, "FOLDER", PIPELINE_EVENT_FULL_PATH.parent)

    def in_worker(**_options: object):
        hooks = _create_hook_manager()
        _register_hooks(hooks, (RunStatus(),))
        return hooks

    monkeypatch.setattr(Task, "_run_node_synchronization", staticmethod(in_worker))
    return made


def several(runner: type[AbstractRunner], **options: bool) -> AbstractRunner:
    """A runner with two workers, where it can have them."""
    one_by_one = issubclass(runner, SequentialRunner)
    return runner(**options) if one_by_one else runner(max_workers=2, **options)


def errors_of(seen: RunStatusAPIResponse) -> dict[str, str | None]:
    """The nodes that are shown, by name, and what is shown of their errors."""
    names = {hash_node(node): node.name for node in STUDY.nodes}
    return {names[i]: told.error and told.error.message for i, told in seen.nodes.items()}


@pytest.mark.parametrize("runner", OURS + KEDROS)
def test_every_node_and_table_of_a_run_is_shown(study: Study, runner) -> None:
    study.run(several(runner))
    seen = study.seen()
    assert errors_of(seen) == dict.fromkeys(["scan.a.ablate", "scan.b.ablate", "count_a"])
    assert {told.status.value for told in seen.nodes.values()} == {"success"}
    for name in TABLES:
        (file,) = study.data_root.glob(f"{name}.parquet/*/*.parquet")
        assert seen.datasets[hash_node(name)].size == file.stat().st_size
    assert seen.pipeline.status.value == "success"
    assert seen.pipeline.start_time == "2026-01-02T03:04:05.678000+00:00"
    stats = json.loads((study.written.parent / "stats.json").read_text())
    assert (stats["effects__b"]["rows"], stats["effects__b"]["columns"]) == (3, 2)


def test_what_a_run_leaves_as_it_is_keeps_its_record(study: Study) -> None:
    study.run(several(InOneProcess))
    before = study.seen().nodes
    study.run(several(SequentialRunner), pipeline=Pipeline([COUNT_A]))
    after = study.seen().nodes
    for node in (SCAN_A, SCAN_B):
        assert after[hash_node(node)] == before[hash_node(node)]
    assert after[hash_node(COUNT_A)].duration != before[hash_node(COUNT_A)].duration


@pytest.mark.parametrize(
    ("runner", "weights", "reason"),
    [
        *((runner, "bad", "ValueError: these weights are bad") for runner in OURS),
        (InProcesses, "killed", "its process was killed"),
    ],
)
def test_what_failed_is_shown_with_its_reason(study: Study, runner, weights, reason) -> None:
    study.run(several(runner))
    study.run(several(runner, keep_going=True), a=weights)
    seen = study.seen()
    shown = errors_of(seen)
    assert reason in (shown["scan.a.ablate"] or "")
    assert seen.pipeline.error and "scan.a.ablate: " in seen.pipeline.error.message
    # Nothing was begun that needs it: of that its run before is shown.
    assert shown["count_a"] is None
    if weights == "bad":
        assert shown["scan.b.ablate"] is None


@pytest.mark.parametrize("runner", [SequentialRunner, InOneProcess, InProcesses])
def test_results_that_are_refused_are_shown_as_a_failure(study: Study, runner, monkeypatch) -> None:
    save = TableDataset.save

    def refuse(dataset: TableDataset, data: pd.DataFrame) -> None:
        if "rows" in data:
            raise ValueError("there are too few rows")
        save(dataset, data)

    monkeypatch.setattr(TableDataset, "save", refuse)
    study.run(several(runner))
    assert "too few rows" in (errors_of(study.seen())["count_a"] or "")


def test_a_node_that_is_killed_is_shown_as_not_run(study: Study) -> None:
    study.run(several(InOneProcess))
    hooks = RunStatus()
    hooks.before_pipeline_run()
    hooks.before_node_run(SCAN_A, DataCatalog(), None)
    seen = study.seen().nodes
    assert hash_node(SCAN_A) not in seen
    assert hash_node(SCAN_B) in seen


def test_an_open_kedro_viz_is_shown_runs_of_its_own_data_alone(study: Study) -> None:
    study.run(several(InOneProcess))
    assert not study.written.exists(), "nobody looks"
    study.seen()
    study.run(several(InOneProcess), a="bad")
    assert "are bad" in study.written.read_text()
    study.data_root = study.project / "other"
    study.run(several(InOneProcess))
    assert "are bad" in study.written.read_text()


def test_what_is_shown_is_written_when_kedro_viz_asks(study: Study, monkeypatch) -> None:
    study.run(several(InOneProcess))
    monkeypatch.delitem(sys.modules, "kedro_viz.server", raising=False)
    loader = SimpleNamespace(data_root=study.data_root)
    show_where_viewed(study.project, loader)
    assert not study.written.exists()
    monkeypatch.setitem(sys.modules, "kedro_viz.server", ModuleType("kedro_viz.server"))
    show_where_viewed(study.project, loader)
    assert study.written.exists()


def test_a_damaged_record_is_passed_over(study: Study) -> None:
    study.run(several(InOneProcess))
    first, *_rest = sorted((study.data_root / ".last_runs").iterdir())
    first.write_text("{")
    assert len(study.seen().nodes) == 2
