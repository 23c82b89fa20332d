"""A scan that was stopped goes on with the layers that it kept: same tables, no work done twice."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pandas.testing import assert_frame_equal

from circuit_scaling.interventions.replay import roads
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.scan.kept_layers import KeptLayers
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.scan.scan import tell_kept
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.models.architecture import anatomy_of
from circuit_scaling.prompts.shipped import shipped_tasks
from tests.conftest import PROJECT
from tests.helpers.tiny_models import VOCAB, tiny_model

SETTINGS = ScanSettings(
    primary=AblationKind(ablation="zero", positions="all"),
    ablations=("zero", "mean", "resample"),
    positions=("all", "end"),
    agreement_tasks=("ioi",),
    draws=2,
)


PROMPTS, LENGTHS = 6, (9, 7)


class Killed(BaseException):
    """What nothing on the way up handles."""


@pytest.fixture(scope="module")
def measurement() -> Measurement:
    return _tiny()


def _tiny() -> Measurement:
    """A task with an answer on a tiny model, seven runs at a time; nothing is kept."""
    torch.set_num_threads(1)
    anatomy = anatomy_of(tiny_model("gpt_neox_parallel"))
    prompts, chunk = _prompts(), Chunk.of(anatomy, 7 * PROMPTS * LENGTHS[0])
    return Measurement(anatomy, "ioi", shipped_tasks().root["ioi"], SETTINGS, prompts, chunk)


def _prompts() -> pd.DataFrame:
    """Random prompts of two lengths in two templates, and as many references."""
    rng = np.random.default_rng(0)
    rows = [
        {"task": task, "template": f"ioi/{i % 2}", "tokens": rng.integers(1, VOCAB, length)}
        for task in ("ioi", "ioi_abc")
        for length in LENGTHS
        for i in range(PROMPTS)
    ]
    # As parquet gives them.
    ids = {"answer": np.array([3]), "distractor": np.array([4]), "candidates": np.array([3, 4, 5])}
    same = pd.DataFrame({name: [value] * len(rows) for name, value in ids.items()})
    return pd.DataFrame(rows).join(same).assign(cluster=[str(i // 2) for i in range(len(rows))])


@pytest.fixture(scope="module")
def undisturbed(measurement: Measurement) -> pd.DataFrame:
    return _table(measurement)


@pytest.fixture
def blocks_run(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An entry for every call of a block with ablated runs."""
    calls: list[int] = []
    run_block = roads.run_block

    def counted(anatomy: Any, arguments: Any, residual: torch.Tensor) -> torch.Tensor:
        calls.append(len(residual))
        return run_block(anatomy, arguments, residual)

    monkeypatch.setattr(roads, "run_block", counted)
    return calls


def _table(measurement: Measurement, **kwargs: Any) -> pd.DataFrame:
    return pd.concat(measurement.head_effects(**kwargs), ignore_index=True)


def _keeping(measurement: Measurement, folder: Path, fingerprint: str = "aa") -> Measurement:
    return replace(measurement, kept=KeptLayers.of(folder, fingerprint, measurement.anatomy))


def _stopped(measurement: Measurement, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Scan until so many layers were kept, and die with the next one under way."""
    store, kept = KeptLayers.store, [0]

    def dying(self: KeptLayers, *args: Any) -> None:
        if kept[0] == after:
            raise Killed
        kept[0] += 1
        store(self, *args)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(KeptLayers, "store", dying)
        _table(measurement)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.layer"), key=lambda file: file.stat().st_mtime_ns)


def test_a_scan_may_be_stopped_after_any_layer(
    measurement, undisturbed, tmp_path, monkeypatch, blocks_run
):
    _table(_keeping(measurement, tmp_path / "whole"))
    work, layers = [sum(blocks_run)], len(_files(tmp_path / "whole"))
    assert layers == measurement.anatomy.n_layers * len(measurement.batches)
    for after in range(layers):
        folder = tmp_path / str(after)
        _stopped(_keeping(measurement, folder), monkeypatch, after)
        assert len(_files(folder)) == after
        resumed = _keeping(measurement, folder)
        assert resumed.kept_layers() == (after, layers)
        blocks_run.clear()
        assert_frame_equal(_table(resumed), undisturbed, check_exact=True)
        work.append(sum(blocks_run))
        assert len(_files(folder)) == layers
    assert work[0] == work[1]
    assert work == sorted(work, reverse=True)
    assert work[-1] < work[0] / 4


@pytest.mark.parametrize("heads", [1, 3, 10_000])
def test_other_chunks(measurement, tmp_path, monkeypatch, heads):
    chunk = Chunk.of(measurement.anatomy, heads * PROMPTS * LENGTHS[0])
    of_chunk = replace(measurement, chunk=chunk)
    expected = _table(of_chunk)
    _stopped(_keeping(of_chunk, tmp_path), monkeypatch, after=2)
    resumed = _keeping(of_chunk, tmp_path)
    assert_frame_equal(_table(resumed), expected, check_exact=True)
    assert resumed.kept.heads > 0


def test_progress_begins_where_the_scan_was(measurement, tmp_path, monkeypatch):
    _stopped(_keeping(measurement, tmp_path), monkeypatch, after=3)
    told: list[tuple[float, bool]] = []

    def progress(_what: str, heads: float, /, spared: bool = False) -> None:
        told.append((heads, spared))

    resumed = _keeping(measurement, tmp_path)
    _table(resumed, progress=progress)
    anatomy, kinds = measurement.anatomy, len(SETTINGS.kinds("ioi"))
    assert sum(heads for heads, _ in told) == pytest.approx(
        anatomy.n_layers * anatomy.n_heads * kinds
    )
    assert [kept for _, kept in told[:3]] == [True] * 3
    assert resumed.kept.heads == pytest.approx(sum(heads for heads, kept in told if kept))


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-4])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)


def _change_what_it_says(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b'"together": 6', b'"together": 7'))


def _take_anothers_place(file: Path) -> None:
    other = next(path for path in _files(file.parent) if path != file)
    file.write_bytes(other.read_bytes())


@pytest.mark.parametrize(
    "damage", [_cut, _empty, _flip, _change_what_it_says, _take_anothers_place, Path.unlink]
)
def test_a_damaged_file_is_as_good_as_none(measurement, undisturbed, tmp_path, damage):
    _table(_keeping(measurement, tmp_path))
    before = [file.read_bytes() for file in sorted(tmp_path.rglob("*.layer"))]
    file = _files(tmp_path)[1]
    damage(file)
    resumed = _keeping(measurement, tmp_path)
    found, layers = resumed.kept_layers()
    assert found == layers - 1
    assert_frame_equal(_table(resumed), undisturbed, check_exact=True)
    assert [file.read_bytes() for file in sorted(tmp_path.rglob("*.layer"))] == before


def _other_prompts(measurement: Measurement) -> Measurement:
    tokens = measurement.prompts["tokens"].map(lambda ids: [*ids[:-2], ids[-1], ids[-1]])
    return replace(measurement, prompts=measurement.prompts.assign(tokens=tokens))


@pytest.mark.parametrize(
    "other",
    [
        lambda m: replace(m, chunk=replace(m.chunk, tokens=m.chunk.tokens + 1)),
        lambda m: replace(m, settings=m.settings.model_copy(update={"draws": 1})),
        lambda m: replace(m, settings=m.settings.model_copy(update={"seed": 1})),
        _other_prompts,
    ],
    ids=["chunk", "draws", "seed", "prompts"],
)
def test_layers_of_another_scan_are_not_taken(
    measurement, tmp_path, other: Callable[[Measurement], Measurement]
):
    _table(_keeping(measurement, tmp_path))
    others = _keeping(other(measurement), tmp_path)
    expected = _table(other(measurement))
    assert_frame_equal(_table(others), expected, check_exact=True)
    assert others.kept.heads == 0


def test_layers_of_another_fingerprint_or_number_of_threads_are_not_taken(measurement, tmp_path):
    _table(_keeping(measurement, tmp_path))
    assert _keeping(measurement, tmp_path, "bb").kept_layers()[0] == 0
    torch.set_num_threads(2)
    try:
        assert _keeping(measurement, tmp_path).kept_layers()[0] == 0
        assert _keeping(measurement, tmp_path).kept.chunk() is None
    finally:
        torch.set_num_threads(1)
    assert _keeping(measurement, tmp_path).kept_layers()[0] > 0


def test_the_chunk_is_that_of_the_scan_that_was_stopped(measurement, tmp_path, monkeypatch):
    assert _keeping(measurement, tmp_path).kept.chunk() is None
    _stopped(_keeping(measurement, tmp_path), monkeypatch, after=1)
    assert _keeping(measurement, tmp_path).kept.chunk() == measurement.chunk.tokens


def test_what_cannot_be_kept_is_no_reason_to_stop(measurement, undisturbed, tmp_path, caplog):
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    caplog.set_level(logging.WARNING)
    assert_frame_equal(_table(_keeping(measurement, in_the_way)), undisturbed, check_exact=True)
    (said,) = [record.getMessage() for record in caplog.records]
    assert str(in_the_way) in said
    assert "cannot be kept" in said


_SCAN = "import sys; from tests.models import test_kept_layers as t; t.scan_slowly(sys.argv[1])"


def scan_slowly(folder: str) -> None:
    """Scan the tiny model so slowly that there is time to be killed."""
    _table(_keeping(_tiny(), Path(folder)), progress=lambda *_of: time.sleep(0.1))


def test_a_process_that_is_killed_loses_little(measurement, undisturbed, tmp_path, caplog):
    process = subprocess.Popen(
        [sys.executable, "-c", _SCAN, str(tmp_path)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": f"{PROJECT / 'src'}:{PROJECT}"},
        stderr=subprocess.DEVNULL,
    )
    while not _files(tmp_path) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = len(_files(tmp_path))
    assert 0 < kept < measurement.anatomy.n_layers * len(LENGTHS)
    resumed = _keeping(measurement, tmp_path)
    caplog.set_level(logging.INFO)
    tell_kept("tiny", [resumed])
    assert caplog.messages == [
        f"tiny: {kept} of 6 layers were kept by a run that was stopped; going on"
    ]
    assert_frame_equal(_table(resumed), undisturbed, check_exact=True)
