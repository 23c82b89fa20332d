"""A damaged table is refused in one line, or is the table that was saved, and never another one."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from kedro.io import DatasetError, Version

from circuit_scaling.datasets import TableDataset
from circuit_scaling.datasets.seal import holds
from circuit_scaling.errors import CircuitScalingError

FRAME = pd.DataFrame(
    {
        "head": range(200),
        "delta": [number / 7 for number in range(200)],
        "label": ["hero", "late", None, "other"] * 50,
        "curve": [[0.5, number / 3] for number in range(200)],
        "odd": [number % 2 == 1 for number in range(200)],
    }
)
FRAME.attrs = {"made_with": {"classify.tau": 0.3}}


def dataset(path: Path, save: str | None = None) -> TableDataset:
    return TableDataset(filepath=str(path), version=Version(None, save))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where two versions lie."""
    path = tmp_path / "heads.parquet"
    dataset(path, "1").save(FRAME.head(3))
    dataset(path, "2").save(FRAME)
    return path


def damage(path: Path, content: bytes) -> str | None:
    """Write ``content`` in place of the newest version: how it is refused, or None if it is read.

    Whatever is read must be the table, and the shorter questions must not contradict that.
    """
    file = path / "2" / "heads.parquet"
    file.write_bytes(content)
    asked = dataset(path)
    whole, attributes = asked.is_whole(), asked.attributes()
    assert attributes.get("made_with", FRAME.attrs["made_with"]) == FRAME.attrs["made_with"]
    try:
        loaded = asked.load()
    except DatasetError as error:
        assert isinstance(error.__cause__, CircuitScalingError)
        assert not whole
        return str(error.__cause__)
    pd.testing.assert_frame_equal(loaded, FRAME)
    assert loaded.attrs["made_with"] == FRAME.attrs["made_with"]
    return None


def test_what_is_said_of_a_damaged_table(path: Path) -> None:
    content = (path / "2" / "heads.parquet").read_bytes()
    assert damage(path, content) is None
    told = damage(path, content[:-100])
    assert told is not None
    assert "\n" not in told
    assert told.startswith(f"'{path / '2' / 'heads.parquet'}' is damaged: ")
    assert "Make it again: kedro run --resume" in told
    assert f"Or use the version before: remove '{path / '2'}'." in told
    (path / "1" / "heads.parquet").unlink()
    told = damage(path, b"")
    assert told is not None
    assert "the version before" not in told


@pytest.mark.parametrize("seed", range(2))
def test_one_bit_anywhere(path: Path, seed: int) -> None:
    content = (path / "2" / "heads.parquet").read_bytes()
    draw = random.Random(seed)
    tail = range(len(content) - 12, len(content))
    for at in [*draw.sample(range(len(content)), 150), *tail]:
        flipped = bytearray(content)
        flipped[at] ^= 1 << draw.randrange(8)
        told = damage(path, bytes(flipped))
        # Without its name a seal is none, and the table is what it was.
        assert told is not None or holds(bytes(flipped)) is None


@pytest.mark.parametrize("seed", range(2))
def test_a_block_of_zeros_or_a_truncated_file(path: Path, seed: int) -> None:
    content = (path / "2" / "heads.parquet").read_bytes()
    draw = random.Random(seed)
    for _ in range(20):
        at, size = draw.randrange(len(content)), draw.choice([16, 64, 512, 4096])
        blank = content[:at] + bytes(len(content[at : at + size])) + content[at + size :]
        assert damage(path, blank) is not None
        assert damage(path, content[:at]) is not None
        assert damage(path, content + content[at : at + size]) is not None


def test_files_without_a_seal_are_read(path: Path) -> None:
    FRAME.to_parquet(path / "2" / "heads.parquet")
    content = (path / "2" / "heads.parquet").read_bytes()
    assert holds(content) is None
    assert damage(path, content) is None
    assert dataset(path).is_whole()
    assert damage(path, content[:-1]) is not None


def test_other_readers_read_it_and_find_damaged_pages(path: Path) -> None:
    file = path / "2" / "heads.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(file), FRAME)
    assert pq.ParquetFile(file).schema_arrow.names == list(FRAME)
    content = bytearray(file.read_bytes())
    content[content.index(b"hero")] ^= 1
    file.write_bytes(content)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(file, page_checksum_verification=True)
