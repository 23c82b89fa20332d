"""Rankings and accuracies are read as they are told, and a file that is none is one clear line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.import_retrieval import reading
from circuit_scaling.analysis.import_retrieval.reading import UNNAMED
from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.errors import CircuitScalingError
from tests.helpers.given_retrieval import AXES, ablations, rankings


def read_rankings(path: Path, **said: Any) -> pd.DataFrame:
    settings = ImportSettings.model_validate({"head_rankings": {"file": str(path), **said}})
    return reading.read_rankings(settings.files("head_rankings")[0])


def read_ablations(path: Path, **said: Any) -> pd.DataFrame:
    settings = ImportSettings.model_validate({"ablation_results": {"file": str(path), **said}})
    return reading.read_ablations(settings.files("ablation_results")[0])


def written(folder: Path, frame: pd.DataFrame, suffix: str = ".csv") -> Path:
    path = folder / f"given{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    return path


def refusal(read: Callable[[Path], pd.DataFrame], path: Path) -> str:
    with pytest.raises(CircuitScalingError) as caught:
        read(path)
    assert "\n" not in caught.value.message
    assert str(path) in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_both_formats_are_read_to_the_last_bit(tmp_path: Path, suffix: str) -> None:
    for table, read in ((rankings(), read_rankings), (ablations(), read_ablations)):
        found = read(written(tmp_path, table, suffix))[list(table)]
        pd.testing.assert_frame_equal(found, table, check_exact=True, check_dtype=False)


def test_missing_axes_are_one_value_and_further_columns_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = pd.DataFrame({"layer": [0, 1], "head": [1, 0], "score": [0.5, 0.7], "colour": "red"})
    with caplog.at_level(logging.INFO):
        found = read_rankings(written(tmp_path, few))
    assert found[AXES].drop_duplicates().to_numpy().tolist() == [[UNNAMED, UNNAMED, "all", 0]]
    assert "not used: colour" in caplog.text
    assert "has no column token_length" in caplog.text
    bare = pd.DataFrame(
        {"n_heads": [2], "set_type": "hero", "accuracy": 0.5, "baseline_accuracy": 0.9}
    )
    assert read_ablations(written(tmp_path, bare))[AXES].to_numpy().tolist() == [
        [UNNAMED, UNNAMED, "all", 0]
    ]


def test_ranks_are_made_of_scores_where_there_are_none(tmp_path: Path) -> None:
    rows = [
        *(("a", 1, 0, 0.5), ("a", 0, 1, 0.5), ("a", 0, 0, 0.5), ("a", 1, 1, np.nan)),
        *(("b", 3, 0, 0.1), ("b", 2, 0, 0.9), ("a", 2, 2, 0.6)),
    ]
    given = pd.DataFrame(rows, columns=["method", "layer", "head", "score"])
    found = read_rankings(written(tmp_path, given))
    assert found["rank"].tolist() == [4, 3, 2, 5, 2, 1, 1]
    only_ranks = read_rankings(written(tmp_path, rankings().drop(columns="score")))
    assert only_ranks["score"].isna().all()
    assert only_ranks["rank"].tolist() == rankings()["rank"].tolist()


def test_the_projects_own_columns_are_taken_where_they_hold_what_they_say(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = rankings().assign(
        n_samples=12, answered=True, floor=0.2, accuracy=97.0, n_layers=4, family="small"
    )
    told = told.astype({"answered": "boolean", "n_samples": float})
    told.loc[0, ["answered", "n_samples"]] = None
    for suffix in (".csv", ".parquet"):
        found = read_rankings(written(tmp_path, told, suffix))
        assert found["answered"].dtype == "boolean"
        assert found["answered"].isna().tolist() == [True, *[False] * (len(told) - 1)]
        assert found["n_samples"].iloc[1] == 12
        assert set(found["family"]) == {"small"}
        assert "accuracy" not in found, "a percentage is no share"
    assert "Column accuracy of " in caplog.text
    masked = ablations().head(3).assign(draw=[0, 7, 8], ablation="mean")
    masked["heads"] = ["L3H5 L4H1", "[L0H0, L1H2]", ""]
    found = read_ablations(written(tmp_path, masked))
    assert found["draw"].tolist() == [0, 7, 8]
    assert found["layers"].tolist() == [[3, 4], [0, 1], []]
    assert found["heads"].tolist() == [[5, 1], [0, 2], []]
    as_lists = masked.assign(layers=[[3, 4], [0, 1], []], heads=[[5, 1], [0, 2], []])
    again = read_ablations(written(tmp_path, as_lists, ".parquet"))
    assert again[["layers", "heads"]].equals(found[["layers", "heads"]])
    counted = read_ablations(written(tmp_path, masked.assign(heads=2)))
    assert counted["heads"].tolist() == [[], [], []]
    assert "Column heads of " in caplog.text


def test_rows_of_the_baseline_need_neither_method_nor_number_of_heads(tmp_path: Path) -> None:
    text = "method,set_type,n_heads,accuracy\n,baseline,,0.9\nm,hero,0,0.9\nm,hero,3,0.5\n"
    path = tmp_path / "given.csv"
    path.write_text(text)
    found = read_ablations(path)
    assert found["set_type"].tolist() == ["baseline", "baseline", "hero"]
    assert found["n_heads"].tolist() == [0, 0, 3]
    assert found["method"].tolist() == ["", "m", "m"]


RANKED = "method,layer,head,score,rank"
MASKED = "method,n_heads,set_type,accuracy,baseline_accuracy"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{RANKED}\n", "has no rows"),
        (f"{RANKED}\nm,L3,0,0.1,1", "layer is not a number in row 1 (L3)"),
        (f"{RANKED}\nm,0,1.5,0.1,1", "head is not a whole number from 0 to 1999 in row 1 (1.5)"),
        (f"{RANKED}\nm,0,1,high,1", "score is not a number in row 1 (high)"),
        (f"{RANKED}\nm,0,1,inf,1", "score is infinite in row 1"),
        (f"{RANKED}\nm,0,1,0.1,", "rank is missing in row 1"),
        (f"{RANKED}\n,0,1,0.1,1", "method is empty in row 1"),
        (f"{RANKED}\na|b,0,1,0.1,1", "method holds a bar (|), as stands between names"),
        (f"{RANKED},token_length\nm,0,1,0.1,1,2K", "token_length is not a number in row 1 (2K)"),
        (f"{RANKED},model,family\nm,0,1,0.1,1,a,x\nm,0,2,0.1,1,a,y", "in the families x, y"),
        ("method,layer\nm,0", "has no column head"),
        ("method,layer,head\nm,0,1", "neither a column score nor a column rank"),
        ("method,layer,head,score\nm,0,1,", "score is missing, and there is no column rank"),
    ],
)
def test_rankings_that_cannot_be_taken(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "given.csv"
    path.write_text(text)
    assert words in refusal(read_rankings, path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{MASKED}\nm,3,top,0.5,0.9", "set_type is none of baseline, hero, random in row 1 (top)"),
        (f"{MASKED}\nm,,hero,0.5,0.9", "n_heads is not a whole number"),
        (f"{MASKED}\nm,3,hero,half,0.9", "accuracy is not a number in row 1 (half)"),
        (f"{MASKED}\n,3,hero,0.5,0.9", "method is empty in row 1"),
        ("n_heads,accuracy\n3,0.5", "has no column set_type"),
        ("n_heads,set_type,accuracy\n3,hero,0.5", "neither a column baseline_accuracy nor a row"),
    ],
)
def test_accuracies_that_cannot_be_taken(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "given.csv"
    path.write_text(text)
    assert words in refusal(read_ablations, path)
