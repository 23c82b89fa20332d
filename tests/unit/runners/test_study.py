"""The three runners on a toy study: what they run, and what they do where something fails."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset, SharedMemoryDataCatalog
from kedro.io.core import Version
from kedro.pipeline import Node, Pipeline

from circuit_scaling.datasets import TableDataset
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.runners import InOneProcess, InProcesses, InThreads
from circuit_scaling.runners.study import StudyRunner

RUNNERS = (InOneProcess, InThreads, InProcesses)


def scan(weights: str) -> pd.DataFrame:
    """Effects; fails in ways that the weights name."""
    if weights == "bad":
        raise ValueError("these weights\nare bad")
    if weights == "refused":
        raise CircuitScalingError("These weights are refused. Take others.")
    if weights == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return pd.DataFrame({"delta": [len(weights)]})


def stack(*tables: pd.DataFrame) -> pd.DataFrame:
    """All rows."""
    return pd.concat(tables, ignore_index=True)


def count(table: pd.DataFrame) -> pd.DataFrame:
    """How many rows there are."""
    return pd.DataFrame({"rows": [len(table)]})


PIPELINE = Pipeline(
    [
        *(
            Node(
                scan, f"params:{m}", f"effects__{m}", name=f"scan.{m}.ablate", namespace=f"scan.{m}"
            )
            for m in "ab"
        ),
        *(Node(count, f"effects__{m}", f"count__{m}", name=f"count_{m}") for m in "ab"),
        Node(stack, ["effects__a", "effects__b"], "joint", name="stack"),
    ]
)


def catalog(runner: type[StudyRunner], root: Path, a: str, b: str) -> DataCatalog:
    """Stored effects and counts, and two models with these weights."""
    kind = SharedMemoryDataCatalog if runner is InProcesses else DataCatalog
    names = ("effects__a", "effects__b", "count__a", "count__b", "joint")
    version = Version(None, "2026-01-01T00.00.00.000Z")
    tables = {n: TableDataset(filepath=f"{root / n}.parquet", version=version) for n in names}
    weights = {"params:a": MemoryDataset(a), "params:b": MemoryDataset(b)}
    return kind({**tables, **weights})


def run(runner: type[StudyRunner], root: Path, a: str, b: str, **options: bool) -> set[str]:
    """Run the toy study; the tables that are there afterwards."""
    several = {} if runner is InOneProcess else {"max_workers": 2}
    try:
        hooks = _create_hook_manager()
        runner(**several, **options).run(PIPELINE, catalog(runner, root, a, b), hooks)
    finally:
        made = {file.parents[1].stem for file in root.rglob("*/*/*.parquet")}
    return made


ALL = {"effects__a", "effects__b", "count__a", "count__b", "joint"}


@pytest.mark.parametrize("runner", RUNNERS)
def test_they_run_everything(runner, tmp_path: Path) -> None:
    assert run(runner, tmp_path, "a", "bb") == ALL


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_failure_ends_the_run_unless_it_should_go_on(runner, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="are bad"):
        run(runner, tmp_path, "bad", "b")
    assert not (tmp_path / "joint.parquet").exists()


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize(
    ("weights", "reason"),
    [("bad", "ValueError: these weights are bad"), ("refused", "These weights are refused.")],
)
def test_one_that_goes_on_makes_all_that_does_not_need_what_failed(
    runner, tmp_path: Path, weights: str, reason: str
) -> None:
    with pytest.raises(CircuitScalingError) as told:
        run(runner, tmp_path, weights, "b", keep_going=True)
    made = {path.stem for path in tmp_path.iterdir()}
    assert made == {"effects__b", "count__b"}
    words = told.value.message
    assert "1 step failed, 2 were done, 2 need what is missing" in words
    assert f"scan.a.ablate  {reason}" in words
    assert "kedro run --resume --keep-going --namespaces scan.a" in words
    assert "kedro run --without a --resume" in words


def test_a_process_that_is_killed_does_not_end_a_run_that_goes_on(tmp_path: Path) -> None:
    with pytest.raises(CircuitScalingError, match="its process was killed") as told:
        run(InProcesses, tmp_path, "killed", "b", keep_going=True)
    # What ran beside it may be lost with it, and is then made by the command that is told.
    lost = {name for name in "ab" if not (tmp_path / f"effects__{name}.parquet").exists()}
    assert "a" in lost
    assert all(f"scan.{name}.ablate" in told.value.message for name in lost)
