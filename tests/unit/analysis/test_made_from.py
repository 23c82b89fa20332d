"""A stamp survives the file, fits the heads it was made from, and no others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from circuit_scaling.analysis.made_from import (
    is_made_from,
    mark_of,
    stamp,
    stamp_figures,
    stamp_like,
)
from circuit_scaling.datasets import FiguresDataset, TableDataset
from tests.helpers.classified import random_model


@pytest.fixture(scope="module")
def heads() -> pd.DataFrame:
    return random_model("a", (2, 3), np.random.default_rng(0))


def through_a_file(table: pd.DataFrame, folder) -> pd.DataFrame:
    dataset = TableDataset(filepath=str(folder / "table.parquet"))
    dataset.save(table)
    return dataset.load()


def test_a_stamp_is_kept_by_the_file_and_fits_heads_from_a_file(heads, tmp_path):
    table = stamp({"corr": pd.DataFrame({"x": [1.0]})}, heads)["corr"]
    assert is_made_from(through_a_file(table, tmp_path), through_a_file(heads, tmp_path))


@pytest.mark.parametrize("changed", ["value", "row", "column", "order"])
def test_other_heads_do_not_fit(heads, changed):
    other = {
        "value": heads.assign(delta_ioi=np.nextafter(heads["delta_ioi"], 9.0)),
        "row": heads.head(5),
        "column": heads.rename(columns={"se_ioi": "se_other"}),
        "order": heads.iloc[::-1],
    }[changed]
    table = stamp({"corr": pd.DataFrame({"x": [1.0]})}, heads)["corr"]
    assert is_made_from(table, heads)
    assert not is_made_from(table, other)


def test_a_table_without_a_stamp_fits_nothing(heads):
    assert not is_made_from(pd.DataFrame({"x": [1.0]}), heads)


def test_a_figure_says_which_heads_it_was_made_from(heads, tmp_path):
    table = stamp({"corr": pd.DataFrame({"x": [1.0]})}, heads)["corr"]
    shown = pd.DataFrame({"x": [1.0]})
    dataset = FiguresDataset(str(tmp_path), ["drawn"])
    drawings = {"drawn": (Figure(figsize=(1, 1)), shown)}
    dataset.save(drawings)
    assert dataset.load()["drawn"].source is None
    for stamped in (stamp_like(drawings, table), stamp_figures(drawings, heads)):
        dataset.save(stamped)
        assert dataset.load()["drawn"].source == mark_of(heads)
    assert shown.attrs == {}
