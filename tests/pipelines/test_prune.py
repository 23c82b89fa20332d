"""``kedro prune`` finds tables by their names in the catalogue, whatever models they are of."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from kedro.io import Version

from circuit_scaling.datasets import PageDataset, TableDataset
from circuit_scaling.datasets.stamps import STAMP, Stamp
from tests.helpers.command_line import kedro_command
from tests.helpers.files import contents_of

Inputs = dict[str, tuple[str | None, str | None]]


def stamp(inputs: Inputs) -> Stamp:
    return Stamp("node", "key", "code", inputs)


def save(table: Path, version: str, inputs: Inputs) -> Path:
    frame = pd.DataFrame({"head": [0, 1]})
    frame.attrs[STAMP] = stamp(inputs).as_data()
    TableDataset(filepath=str(table), version=Version(None, version)).save(frame)
    return table / version


def test_old_versions_go_and_what_the_page_was_made_from_stays(elsewhere: Path) -> None:
    scan = elsewhere / "03_primary" / "head_effects" / "a_model_of_no_roster.parquet"
    heads = elsewhere / "04_feature" / "joint_heads.parquet"
    for version in ("1", "2", "3", "4"):
        save(scan, version, {})
        save(heads, version, {"head_effects__a_model_of_no_roster": (version, "0")})
    page = PageDataset(str(elsewhere / "08_reporting" / "report.html"))
    page.save("page")
    page.set_stamp(stamp({"joint_heads": ("2", "0"), "not in the catalogue": ("1", "0")}))
    before = contents_of(elsewhere)
    old = [scan / "1", scan / "3", heads / "1", heads / "3"]
    size = sum(file.stat().st_size for folder in old for file in folder.iterdir())

    status, told = kedro_command("prune", "--env", "test", "--dry-run")
    assert status == 0, told
    assert f"Would remove in '{elsewhere}':" in told
    assert "04_feature/joint_heads.parquet: 2 versions" in told
    assert f"in all: 4 things, {size:,} bytes" in told
    assert contents_of(elsewhere) == before

    status, told = kedro_command("prune", "--env", "test", "--keep", "2")
    assert status == 0, told
    assert [folder.exists() for folder in old] == [False, True, False, True]

    status, told = kedro_command("prune", "--env", "test")
    assert status == 0, told
    assert "Removed in" in told
    kept = {path: content for path, content in before.items() if path.parent not in old}
    assert contents_of(elsewhere) == kept


def test_nothing_to_prune(elsewhere: Path) -> None:
    status, told = kedro_command("prune", "--env", "test")
    assert status == 0, told
    assert "in all: 0 things, 0 bytes" in told
    status, told = kedro_command("prune", "--env", "test", "--keep", "0")
    assert status == 2
    assert "0 is not in the range" in told
