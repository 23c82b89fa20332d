"""Two processes write the same tables while a third one reads: no table is a mixture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
from kedro.io import Version

from circuit_scaling.datasets import PageDataset, TableDataset

_WRITE = """
import sys
from contextlib import suppress
import pandas as pd
from kedro.io import DatasetError, Version
from circuit_scaling.datasets import PageDataset, TableDataset

root, writer = sys.argv[1], int(sys.argv[2])
for turn in range(25):
    frame = pd.DataFrame({"writer": [writer] * 2_000, "turn": [turn] * 2_000})
    # The same version for both: they meet in the same files.
    table = TableDataset(filepath=f"{root}/heads.parquet", version=Version(None, f"{turn:03}"))
    with suppress(DatasetError):  # who comes when the other has finished it is refused
        table.save(frame)
    TableDataset(filepath=f"{root}/plain.parquet").save(frame)
    PageDataset(f"{root}/page.html").save(f"{writer} " * 20_000)
"""


def test_no_table_is_a_mixture(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-W", "ignore", "-c", _WRITE, str(tmp_path), str(name)])
        for name in (1, 2)
    ]
    page = PageDataset(str(tmp_path / "page.html"))
    seen: set[tuple[int, int]] = set()
    while any(writer.poll() is None for writer in writers):
        tables = (
            TableDataset(filepath=str(tmp_path / "heads.parquet"), version=Version(None, None)),
            TableDataset(filepath=str(tmp_path / "plain.parquet")),
        )
        for table in tables:
            if not table.exists():
                continue
            frame = table.load()
            assert frame.shape == (2_000, 2)
            rows = frame.drop_duplicates()
            assert len(rows) == 1
            seen.add((int(rows["writer"].iloc[0]), int(rows["turn"].iloc[0])))
        if page.exists():
            assert len(set(page.load().split())) == 1
    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(seen) > 2  # it did read while they wrote
    assert not list(tmp_path.rglob("*.part"))
    newest = TableDataset(filepath=str(tmp_path / "heads.parquet"), version=Version(None, None))
    assert int(newest.load()["turn"].iloc[0]) == 24
    for version in newest.list_versions():
        assert len(pd.read_parquet(version).drop_duplicates()) == 1
