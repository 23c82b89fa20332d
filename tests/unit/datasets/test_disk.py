"""A full or a read-only disk is one line; nothing partial is left, and what is stored loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError, Version

from circuit_scaling.datasets import (
    CheckpointDataset,
    CsvExportDataset,
    FiguresDataset,
    NotesDataset,
    PageDataset,
    TableDataset,
)
from circuit_scaling.errors import CircuitScalingError
from tests.helpers.files import contents_of
from tests.helpers.mounts import make_read_only, small_disk

SMALL = pd.DataFrame({"head": [0, 1]})
LARGE = pd.DataFrame({"noise": np.random.default_rng(0).normal(size=200_000)})  # 1.6 MB

Save = Callable[[Path], None]


def table(root: Path, version: str = "1") -> TableDataset:
    return TableDataset(filepath=str(root / "heads.parquet"), version=Version(None, version))


def large_figure() -> plt.Figure:
    figure, axes = plt.subplots()
    axes.imshow(LARGE["noise"].to_numpy().reshape(400, 500), interpolation="none")
    return figure


SAVES: dict[str, Save] = {
    "table": lambda root: table(root, "2").save(LARGE),
    "export": lambda root: CsvExportDataset(str(root), ["heads"]).save({"heads": LARGE}),
    "figures": lambda root: FiguresDataset(str(root), ["map"]).save(
        {"map": (large_figure(), LARGE)}
    ),
    "notes": lambda root: NotesDataset(str(root), ["heads.md"]).save({"heads.md": "a" * 2_000_000}),
    "page": lambda root: PageDataset(str(root / "page.html")).save("a" * 2_000_000),
    "checkpoint": lambda root: CheckpointDataset(str(root / "model")).save(
        {"config.json": b"{}", "weights": b"a" * 2_000_000}
    ),
}


def refused(save: Save, root: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        save(root)
    reason = caught.value.__cause__
    assert isinstance(reason, CircuitScalingError)
    assert "\n" not in str(reason)
    return str(reason)


@pytest.mark.parametrize("kind", SAVES)
def test_a_full_disk(tmp_path: Path, kind: str) -> None:
    with small_disk(tmp_path / "disk") as root:
        table(root).save(SMALL)
        before = {*root.rglob("*")}
        told = refused(SAVES[kind], root)
        assert told.startswith(f"Cannot write '{root}")
        assert "No space left on device. Free space or change the permissions" in told
        whole = {root / "map.png"} if kind == "figures" else set()  # written before it was full
        assert {*root.rglob("*")} - whole == before
        pd.testing.assert_frame_equal(table(root).load(), SMALL)


@pytest.mark.parametrize("kind", SAVES)
def test_a_read_only_disk(tmp_path: Path, kind: str) -> None:
    with small_disk(tmp_path / "disk") as root:
        table(root).save(SMALL)
        before = contents_of(root)
        make_read_only(root)
        told = refused(SAVES[kind], root)
        assert told.startswith(f"Cannot write '{root}")
        assert "Read-only file system" in told
        assert contents_of(root) == before
        pd.testing.assert_frame_equal(table(root).load(), SMALL)
        assert table(root).is_whole()


def test_a_disk_that_is_free_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as root:
        ballast = root / "ballast"
        ballast.write_bytes(bytes(1_000_000))
        refused(lambda folder: table(folder).save(LARGE.head(20_000)), root)
        assert [*root.iterdir()] == [ballast]
        ballast.unlink()
        table(root).save(LARGE.head(20_000))
        pd.testing.assert_frame_equal(table(root).load(), LARGE.head(20_000))
