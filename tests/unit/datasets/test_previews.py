"""What kedro-viz is given to show: it must be JSON, short, and nothing where there is nothing."""

from __future__ import annotations

import base64
import inspect
import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io.core import Version
from PIL import Image

from circuit_scaling.datasets import (
    CsvExportDataset,
    FiguresDataset,
    NotesDataset,
    PageDataset,
    TableDataset,
)
from circuit_scaling.report import ReportContext, render_report
from tests.helpers.synthetic_tables import MAKERS

TABLE = pd.DataFrame(
    {
        "model": ["mini_gpt2_s", None],
        "head": pd.array([3, None], dtype="Int64"),
        "q": [0.000012345678, np.nan],
        "effects": [np.linspace(0, 1, 9, dtype=np.float32), np.array([], dtype=np.float32)],
        "tokens": [np.array(["a", "b"]), np.array(["c"])],
        "sure": [True, False],
    }
)


def table(folder: Path, versioned: bool = True) -> TableDataset:
    version = Version(None, "2026-01-01T00.00.00.000Z") if versioned else None
    return TableDataset(filepath=f"{folder}/t.parquet", version=version)


@pytest.mark.parametrize("versioned", [True, False])
def test_a_table_shows_its_first_rows_in_short(tmp_path: Path, versioned: bool) -> None:
    dataset = table(tmp_path, versioned)
    dataset.save(TABLE)
    shown = json.loads(json.dumps(dataset.preview(nrows=2)))
    assert shown["columns"] == list(TABLE)
    first = ["mini_gpt2_s", 3, 1.235e-05, "[0.0, 0.125, 0.25, 0.375, 0.5, 0.625, …] (9)", "[a, b]"]
    assert shown["data"] == [[*first, True], ["", "", "", "[]", "[c]", False]]
    assert len(dataset.preview(nrows=1)["data"]) == 1


def test_a_table_without_rows_shows_its_columns(tmp_path: Path) -> None:
    dataset = table(tmp_path)
    dataset.save(TABLE.head(0))
    assert dataset.preview()["columns"] == list(TABLE)


def test_exports_show_every_table_under_its_name(tmp_path: Path) -> None:
    dataset = CsvExportDataset(str(tmp_path), ["a", "b"])
    dataset.save({"a": pd.DataFrame({"x": [1, 2]}), "b": pd.DataFrame({"y": [3], "z": [4.5]})})
    shown = dataset.preview(nrows=1)
    assert shown["columns"] == ["a: 2 rows", "x", ""]
    assert shown["data"] == [["a", 1, ""], ["b: 1 rows", "y", "z"], ["b", 3, 4.5]]


def test_figures_are_all_shown_small_and_without_underscores(tmp_path: Path) -> None:
    """kedro-viz would set what stands between two underscores in italics, also in a name."""
    dataset = FiguresDataset(str(tmp_path), ["all_heads_here", "layer_*"])
    for name in ("all_heads_here", *(f"layer_{i:02}" for i in range(30))):
        Image.new("RGBA", (1600, 800), "white").save(tmp_path / f"{name}.png")
    shown = str(dataset.preview())
    assert re.findall("<h4>(.*?)</h4>", shown)[:2] == ["all heads here", "layer 00"]
    assert "and 7 more" in shown
    assert "_" not in shown
    pictures = re.findall('base64,(.*?)"', shown)
    assert len(pictures) == 24
    with Image.open(io.BytesIO(base64.b64decode(pictures[0]))) as picture:
        assert picture.size == (800, 400)
    assert len(shown) < 500_000


def test_notes_are_shown_as_they_are(tmp_path: Path) -> None:
    dataset = NotesDataset(str(tmp_path), ["a.md", "b.md"])
    dataset.save({"a.md": "mini_gpt2_s", "b.md": "# More"})
    assert str(dataset.preview()) == "─── a.md ───\n\nmini_gpt2_s\n\n─── b.md ───\n\n# More"


def test_the_page_shows_what_was_found_alone(tmp_path: Path) -> None:
    dataset = PageDataset(str(tmp_path / "report.html"))
    page = render_report(ReportContext(makers=MAKERS))
    listed = (
        '<ol><li>chapter</li></ol><ol id="found"><li><strong>Heads &amp; more in gpt_2.</strong>'
        "<span>0.5</span></li></ol><ol><li><strong>no finding</strong></li></ol>"
    )
    assert '<p id="found">' in page
    dataset.save(page.replace("</header>", f"{listed}</header>", 1))
    shown = str(dataset.preview())
    assert "<h3>Which attention heads" in shown
    assert re.findall("<li>(.*?)</li>", shown) == ["Heads &amp; more in gpt 2."]


@pytest.mark.parametrize(
    "dataset",
    [
        TableDataset(filepath="nowhere/t.parquet", version=Version(None, None)),
        TableDataset(filepath="nowhere/t.parquet"),
        CsvExportDataset("nowhere", ["a"]),
        FiguresDataset("nowhere", ["a", "b_*"]),
        NotesDataset("nowhere", ["a.md"]),
        PageDataset("nowhere/report.html"),
    ],
)
def test_what_is_not_made_yet_is_no_error(dataset) -> None:
    shown = dataset.preview()
    assert shown in ("", {"columns": ["not made yet"], "index": [], "data": []})
    kind = inspect.signature(dataset.preview).return_annotation
    assert kind in ("TablePreview", "HTMLPreview", "TextPreview"), "kedro-viz goes by the name"
