"""The room that a stored dataset takes: all formats of it, and of versions the newest."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from kedro.io import MemoryDataset
from kedro.io.core import Version
from kedro_datasets.pandas import CSVDataset

from circuit_scaling.datasets import (
    CheckpointDataset,
    CsvExportDataset,
    FiguresDataset,
    NotesDataset,
    PageDataset,
    TableDataset,
)
from circuit_scaling.datasets.sizes import bytes_of


def test_files_of_every_format_count_and_those_of_others_do_not(tmp_path: Path) -> None:
    for name in ("a.png", "a.svg", "a.csv", "layer_x.png", "a_more.png", "other.png"):
        (tmp_path / name).write_bytes(b"12345")
    assert bytes_of(FiguresDataset(str(tmp_path), ["a", "layer_*"])) == 20


def test_exports_have_a_file_beside_them(tmp_path: Path) -> None:
    dataset = CsvExportDataset(str(tmp_path), ["a"])
    dataset.save({"a": pd.DataFrame({"x": [1]})})
    (tmp_path / "b.csv").write_text("x")
    files = [tmp_path / "a.csv", tmp_path / "a.json"]
    assert bytes_of(dataset) == sum(file.stat().st_size for file in files)


def test_of_a_table_the_newest_version_counts(tmp_path: Path) -> None:
    for day, rows in (("01", 10), ("02", 20_000)):
        version = Version(None, f"2026-01-{day}T00.00.00.000Z")
        dataset = TableDataset(filepath=f"{tmp_path}/t.parquet", version=version)
        dataset.save(pd.DataFrame({"x": range(rows)}))
    newest = tmp_path / "t.parquet" / "2026-01-02T00.00.00.000Z" / "t.parquet"
    assert bytes_of(dataset) == newest.stat().st_size


def test_other_kinds(tmp_path: Path) -> None:
    notes = NotesDataset(str(tmp_path), ["a.md"])
    notes.save({"a.md": "abc"})
    page = PageDataset(str(tmp_path / "page.html"))
    page.save("abcd")
    weights = CheckpointDataset(str(tmp_path / "weights"))
    weights.save({"config.json": b"12", "model": b"345"})
    (tmp_path / "given.csv").write_text("x\n1\n")
    given = CSVDataset(filepath=str(tmp_path / "given.csv"))
    assert [*map(bytes_of, (notes, page, weights, given))] == [3, 4, 5, 4]


def test_what_is_not_stored_has_no_size(tmp_path: Path) -> None:
    absent = TableDataset(filepath=f"{tmp_path}/t.parquet", version=Version(None, None))
    for dataset in (MemoryDataset(1), absent, PageDataset(f"{tmp_path}/page.html"), None):
        assert bytes_of(dataset) is None
