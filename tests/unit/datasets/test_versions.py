"""What is saved is the newest version, whatever the clock says; what killed writers left goes."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io import Version
from kedro.io.core import generate_timestamp

from circuit_scaling.datasets import CheckpointDataset, TableDataset
from circuit_scaling.datasets.leftovers import part_of
from circuit_scaling.datasets.versions import at_least
from tests.helpers.files import files
from tests.helpers.killed import killed_while_writing

FRAME = pd.DataFrame({"head": [0, 1]})
_OLD = 2 * 86_400


def table(path: Path, save: str | None = None) -> TableDataset:
    return TableDataset(filepath=str(path), version=Version(None, save))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heads.parquet"


_MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 30))


@given(_MOMENTS, _MOMENTS)
def test_the_next_version_is_later_than_all(asked, newest) -> None:
    asked, newest = (f"{moment:%Y-%m-%dT%H.%M.%S}.123Z" for moment in (asked, newest))
    found = at_least(asked, newest)
    assert found == asked if asked > newest else newest < found
    assert len(found) == len(asked)


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        ("2026-11-27T23.59.59.999Z", "2026-11-28T00.00.00.000Z"),
        ("2026-12-31T23.59.59.999Z", "2027-01-01T00.00.00.000Z"),
        ("mine", "mine0"),
    ],
)
def test_what_comes_after_a_version(newest: str, expected: str) -> None:
    assert at_least("2026-11-27T01.00.00.000Z", newest) == expected


def test_a_clock_that_was_set_back(path: Path) -> None:
    table(path, "2031-05-01T10.00.00.000Z").save(FRAME)
    late = table(path, "2026-11-27T01.00.00.000Z")
    late.save(FRAME + 1)
    for reader in (late, table(path)):
        pd.testing.assert_frame_equal(reader.load(), FRAME + 1)
        assert reader.resolve_load_version() == "2031-05-01T10.00.00.001Z"


def test_a_second_save_of_one_session_is_read(path: Path, recwarn) -> None:
    session = table(path, generate_timestamp())
    for more in range(3):
        session.save(FRAME + more)
        pd.testing.assert_frame_equal(session.load(), FRAME + more)
    assert len(session.list_versions()) == 3
    assert not recwarn.list  # Kedro warns where another version is loaded than was saved


def test_a_version_that_is_asked_for(path: Path) -> None:
    for name in ("2026-11-27T01.00.00.000Z", "2026-11-27T02.00.00.000Z"):
        table(path, name).save(FRAME.assign(version=name))
    pinned = TableDataset(filepath=str(path), version=Version("2026-11-27T01.00.00.000Z", None))
    assert set(pinned.load()["version"]) == {"2026-11-27T01.00.00.000Z"}


def test_an_empty_newest_version_is_passed_over_and_removed_later(path: Path) -> None:
    table(path, "1").save(FRAME)
    left, begun = path / "3", path / "4"
    left.mkdir()
    begun.mkdir()  # this moment: somebody is about to write there
    os.utime(left, (time.time() - _OLD,) * 2)
    pd.testing.assert_frame_equal(table(path).load(), FRAME)
    table(path, "2").save(FRAME + 1)
    assert sorted(folder.name for folder in path.iterdir()) == ["1", "2", "4"]
    pd.testing.assert_frame_equal(table(path).load(), FRAME + 1)


def test_the_next_save_removes_what_a_killed_one_left(path: Path, tmp_path: Path) -> None:
    killed_while_writing(path / "1" / "heads.parquet")
    killed_while_writing(tmp_path / "model")
    assert len(files(tmp_path)) == 2
    assert not table(path).exists()
    table(path, "2").save(FRAME)
    CheckpointDataset(str(tmp_path / "model")).save({"config.json": b"{}"})
    assert {str(file.relative_to(tmp_path)) for file in files(tmp_path)} == {
        "heads.parquet/2/heads.parquet",
        "model/config.json",
    }
    assert not (path / "1").exists()


def test_what_others_are_writing_stays(path: Path) -> None:
    ours = part_of(path / "1" / "heads.parquet")
    ours.parent.mkdir(parents=True)
    theirs = [path / name / ".heads.parquet.elsewhere.1234.part" for name in ("2", "3")]
    for part in (ours, *theirs):
        part.parent.mkdir(exist_ok=True)
        part.touch()
    os.utime(theirs[1], (time.time() - _OLD,) * 2)
    table(path, "4").save(FRAME)
    assert ours.exists()
    assert theirs[0].exists()
    assert not theirs[1].parent.exists()


def test_a_number_that_another_process_has_now(path: Path) -> None:
    part = part_of(path / "1" / "heads.parquet")  # of this process, which is younger than the part
    part.parent.mkdir(parents=True)
    part.touch()
    os.utime(part, (time.time() - _OLD,) * 2)
    table(path, "2").save(FRAME)
    assert not part.parent.exists()
