"""A versioned table is a folder of versions; a file in its place is named, with the way out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError, Version

from circuit_scaling.datasets import CsvExportDataset, TableDataset
from circuit_scaling.errors import CircuitScalingError

FRAME = pd.DataFrame({"head": [0, 1]})


def table(path: Path, save: str | None = None) -> TableDataset:
    return TableDataset(filepath=str(path), version=Version(None, save))


def test_versions_are_saved_and_the_latest_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "heads.parquet"
    assert not table(path).exists()
    table(path, "1").save(FRAME)
    table(path, "2").save(FRAME + 1)
    assert table(path).exists()
    pd.testing.assert_frame_equal(table(path).load(), FRAME + 1)


@pytest.mark.parametrize("use", ["exists", "load", "save"])
def test_a_file_where_the_versions_should_be(tmp_path: Path, use: str) -> None:
    path = tmp_path / "heads.parquet"
    FRAME.to_parquet(path)
    arguments = [FRAME] if use == "save" else []
    with pytest.raises((CircuitScalingError, DatasetError)) as caught:
        getattr(table(path, "1"), use)(*arguments)
    reason = caught.value if use == "exists" else caught.value.__cause__
    assert isinstance(reason, CircuitScalingError)
    assert str(reason).startswith(f"'{path}' is a file, and a folder should be there")
    assert "Move it away" in str(reason)
    pd.testing.assert_frame_equal(pd.read_parquet(path), FRAME)


def test_a_table_without_versions_is_a_file(tmp_path: Path) -> None:
    plain = TableDataset(filepath=str(tmp_path / "curves.parquet"))
    plain.save(FRAME)
    assert plain.exists()
    pd.testing.assert_frame_equal(plain.load(), FRAME)


def test_a_file_where_the_folder_of_exports_should_be(tmp_path: Path) -> None:
    (tmp_path / "tables").write_text("a file")
    with pytest.raises(DatasetError) as caught:
        CsvExportDataset(str(tmp_path / "tables"), ["heads"]).save({"heads": FRAME})
    assert f"'{tmp_path / 'tables'}' is a file, and a folder should be" in str(caught.value)
