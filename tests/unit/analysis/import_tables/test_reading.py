"""A table of head effects is read to the last bit, and a file that is none is one clear line."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.import_tables.joint import import_joint_table
from circuit_scaling.analysis.import_tables.reading import COLUMNS, read_head_table
from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from circuit_scaling.tables.import_tables import IMPORT_FINDINGS
from circuit_scaling.tables.join import JOINT_EFFECTS, JOINT_HEADS
from circuit_scaling.tables.scan import COMPETENCE
from tests.helpers.given_tables import ROSTERS, clean, defective

HEADER = ",".join(COLUMNS)


def written(folder: Path, frame: pd.DataFrame, suffix: str = ".csv") -> str:
    path = folder / f"joint{suffix}"
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return str(path)


def read(path: str | Path, **said: Any) -> pd.DataFrame:
    """The rows of a file, as the settings give it."""
    settings = ImportSettings.model_validate({"joint_table": {"file": str(path), **said}})
    return read_head_table(settings.files("joint_table")[0])


def refusal(path: str | Path, **said: Any) -> str:
    settings = ImportSettings.model_validate({"joint_table": {"file": str(path), **said}})
    with pytest.raises(CircuitScalingError) as caught:
        import_joint_table(settings, ROSTERS)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_both_formats_are_read_to_the_last_bit(tmp_path: Path, suffix: str) -> None:
    table = clean()
    found = read(written(tmp_path, table, suffix))
    pd.testing.assert_frame_equal(found, table, check_exact=True, check_dtype=False)


def test_a_relative_path_starts_at_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, clean())
    monkeypatch.chdir(tmp_path)
    assert len(read("joint.csv")) == len(clean())


def test_further_columns_are_left_out_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = clean().assign(se_ioi=0.1, note="x")
    with caplog.at_level(logging.INFO):
        found = read(written(tmp_path, table))
    assert list(found) == list(COLUMNS)
    assert "not used: se_ioi, note." in caplog.text


def test_names_that_look_like_missing_values_are_names(tmp_path: Path) -> None:
    table = clean().replace({"model": {"gpt2": "NA", "pythia-1b": "7"}})
    found = read(written(tmp_path, table))
    assert list(found["model"].unique()) == ["NA", "pythia-70m", "7"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("", "has no rows"),
        ("gpt2,gpt2,0,0,0.1,0.2\ngpt2,gpt2,1.5,0,0.1,0.2", "layer is not a whole number"),
        ("gpt2,gpt2,0,0,0.1,0.2\ngpt2,gpt2,1.5,0,0.1,0.2", "in row 2 (1.5)"),
        ("gpt2,gpt2,0,-1,0.1,0.2", "head is not a whole number from 0 to 1999 in row 1 (-1.0)"),
        ("gpt2,gpt2,,0,0.1,0.2", "layer is not a whole number from 0 to 1999 in row 1 (nan)"),
        ("gpt2,gpt2,1e30,0,0.1,0.2", "layer is not a whole number from 0 to 1999 in row 1 (1e+30)"),
        ('gpt2,"gpt2\x07",0,0,0.1,0.2', r"unprintable characters in row 1 ('gpt2\x07')"),
        ("gpt2,gpt2,L3,0,0.1,0.2", "layer is not a number in row 1 (L3)"),
        ("gpt2,gpt2,0,0,0.1,strong", "delta_anti is not a number in row 1 (strong)"),
        ("gpt2, ,0,0,0.1,0.2", "model is empty in row 1"),
        (",gpt2,0,0,0.1,0.2", "family is empty in row 1"),
        ("gpt2,gpt2,0,0,0.1,0.2\nopt,gpt2,0,1,0.1,0.2", "gpt2 is in the families gpt2, opt"),
        ('gpt2,gpt2,0,0,"0.1,0.2', "cannot be read"),
    ],
)
def test_rows_that_cannot_be_taken(tmp_path: Path, rows: str, words: str) -> None:
    path = tmp_path / "joint.csv"
    path.write_text(f"{HEADER}\n{rows}\n")
    message = refusal(path)
    assert words in message
    assert str(path) in message


def test_files_that_cannot_be_taken(tmp_path: Path) -> None:
    with pytest.raises(CircuitScalingError, match="--params import.joint_table=PATH"):
        import_joint_table(ImportSettings(), ROSTERS)
    assert "There is no file 'nowhere.csv'" in refusal("nowhere.csv")
    other = tmp_path / "joint.xlsx"
    other.write_bytes(b"x")
    assert "neither a .csv nor a .parquet" in refusal(str(other))
    for name in ("empty.csv", "broken.parquet"):
        (tmp_path / name).write_bytes(b"")
        assert "cannot be read" in refusal(str(tmp_path / name))
    message = refusal(written(tmp_path, clean().drop(columns=["head", "delta_anti"])))
    assert "has no column head, delta_anti" in message
    assert "it has family, model, layer, delta_ioi." in message


def csv_of(folder: Path, text: str | bytes) -> str:
    path = folder / "joint.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


ROW = "gpt2,gpt2,0,0,0.1,0.2"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HEADER}\n{ROW},9\n{ROW},9", "line 2 has 7 fields and the header has 6"),
        (f"{HEADER}\n{ROW},\n{ROW},", "line 2 has 7 fields and the header has 6"),
        (f"{HEADER}\n{ROW}\n\n0,{ROW}", "line 4 has 7 fields and the header has 6"),
        (f'{HEADER},note\n{ROW},"a\nb"\n{ROW}', "line 4 has 6 fields and the header has 7"),
        (f"{HEADER}\n{ROW}\ngpt2,gpt2,0,1,0.1", "line 3 has 5 fields and the header has 6"),
        (f"{HEADER},delta_ioi\n{ROW},0.3", "has the column delta_ioi more than once"),
        (f"{HEADER}\n{ROW}".replace(",", ";"), "separated by semicolons"),
        (f"{HEADER}\n{ROW}".replace(",", "\t"), "separated by tabs"),
        (
            f"{HEADER}\n{ROW}".replace(",", ";").replace(".", ","),
            "line 2 has 3 fields and the header has 1 (its columns seem to be separated by semico",
        ),
        (f"{HEADER}\ngpt2,gpt\xe9,0,0,0.1,0.2".encode("latin-1"), "is not UTF-8 text (byte "),
        (f"{HEADER}\n{ROW}".encode("utf-16"), "is not UTF-8 text (byte 0)"),
    ],
)
def test_columns_are_never_shifted(tmp_path: Path, text: str | bytes, words: str) -> None:
    assert words in refusal(csv_of(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEADER}\r\n{ROW}\r\n\r\n",
        f"{HEADER},\n{ROW},\n",
        f"{HEADER},note,note\n{ROW},x,y\n",
        ", ".join(COLUMNS) + "\n" + ROW.replace(",", ", "),
        ",".join(f'"{name}"' for name in COLUMNS) + '\n"gpt2","gpt2","0","0","0.1","0.2"',
        f'note,{HEADER}\n"a, ""b""\nc",{ROW}',
    ],
    ids=["mark, CRLF, blank line", "empty column", "others twice", "spaces", "quoted", "quotes in"],
)
def test_other_ways_to_write_the_same_row(tmp_path: Path, text: str) -> None:
    found = read(csv_of(tmp_path, text))
    assert found.to_numpy().tolist() == [["gpt2", "gpt2", 0, 0, 0.1, 0.2]]


@pytest.mark.parametrize("index", [["model"], ["family", "model", "layer", "head"]])
def test_the_index_of_a_parquet_file_may_hold_the_keys(tmp_path: Path, index: list[str]) -> None:
    found = read(written(tmp_path, clean().set_index(index), ".parquet"))
    pd.testing.assert_frame_equal(found, clean(), check_exact=True, check_dtype=False)


def test_half_precision_in_a_parquet_file_is_read_to_the_last_bit(tmp_path: Path) -> None:
    table = clean().astype({"delta_ioi": "float16", "delta_anti": "float32"})
    found = read(written(tmp_path, table, ".parquet"))
    for column in ("delta_ioi", "delta_anti"):
        assert (found[column] == table[column].astype(float)).all()


def imported(path: str, on_suspect: str = "stop"):  # type: ignore[no-untyped-def]
    settings = ImportSettings.model_validate({"joint_table": path, "on_suspect": on_suspect})
    return import_joint_table(settings, ROSTERS)


def test_what_was_not_measured_is_missing_and_the_rest_is_as_given(tmp_path: Path) -> None:
    table = clean().replace({"model": {"gpt2": "Mine-1"}})
    found = imported(written(tmp_path, table))
    heads = JOINT_HEADS.validate(found.joint_heads)
    for side in ("", "_select", "_test"):
        assert (heads[f"delta_ioi{side}"] == table["delta_ioi"]).all()
        assert (heads[f"delta_anti_names{side}"] == table["delta_anti"]).all()
    unknown = ["se_ioi", "se_anti_names", "q_ioi", "q_anti_names", *PROFILE_COLUMNS]
    assert heads[unknown].isna().all(axis=None)
    assert list(heads["model"].unique()) == ["Mine-1", "pythia-70m", "pythia-1b"]
    sizes = heads.drop_duplicates("model")[["params_m", "n_layers", "n_heads"]].to_numpy()
    np.testing.assert_array_equal(sizes, [[np.nan] * 3, [70, 6, 8], [1012, 16, 8]])
    assert set(heads["suspect"]) == {""}
    assert len(JOINT_EFFECTS.validate(found.joint_effects)) == 0
    assert len(COMPETENCE.validate(found.competence)) == 0
    not_possible = IMPORT_FINDINGS.validate(found.import_findings).query("outcome != 'passed'")
    assert set(not_possible["model"]) == {"Mine-1"}
    assert set(not_possible["outcome"]) == {"not possible"}


def test_the_fingerprint_is_of_the_content_and_of_the_roster(tmp_path: Path) -> None:
    first = imported(written(tmp_path, clean())).joint_heads["fingerprint"]
    assert first.nunique() == 3
    changed = clean()
    changed.loc[0, "delta_ioi"] += 0.1
    assert not set(first) & set(imported(written(tmp_path, changed)).joint_heads["fingerprint"])


def test_rows_that_cannot_be_kept_are_left_out_and_their_model_is_marked(tmp_path: Path) -> None:
    table = pd.concat([defective("not finite"), clean().head(2).assign(delta_ioi=9.0)])
    path = written(tmp_path, table)
    with pytest.raises(CircuitScalingError, match="cannot be right"):
        imported(path)
    kept = imported(path, "keep")
    heads = JOINT_HEADS.validate(kept.joint_heads)
    assert len(heads) == len(clean()) - 2
    assert heads["delta_ioi"].iloc[0] == table["delta_ioi"].iloc[0]  # the first row counts
    assert heads["suspect"].iloc[:3].tolist() == ["duplicate heads", "duplicate heads", ""]
    found = kept.import_findings.query("outcome == 'suspect'")
    assert set(found["check"]) == {"duplicate heads", "not finite"}


def test_columns_of_other_names_are_read_and_named_as_the_file_names_them(tmp_path):
    path = tmp_path / "theirs.csv"
    called = {"delta_ioi": "ioi_effect", "head": "h"}
    clean().rename(columns=called).to_csv(path, index=False)
    found = read(path, columns=called)
    pd.testing.assert_frame_equal(found, clean()[list(found)], check_dtype=False)
    clean().rename(columns=called).assign(h=-1).to_csv(path, index=False)
    with pytest.raises(CircuitScalingError, match="h is not a whole number"):
        read(path, columns=called)
    with pytest.raises(CircuitScalingError, match="has no column effect"):
        read(path, columns={**called, "delta_anti": "effect"})
