"""``kedro prune`` on a whole study: nothing that it shows, or was made from, is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from kedro.framework.session import KedroSession

from circuit_scaling.datasets import TableDataset
from circuit_scaling.datasets.stamps import StampedFiles
from tests.conftest import PROJECT
from tests.helpers.command_line import kedro_command
from tests.helpers.files import contents_of


@pytest.fixture
def root(study: object, test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the data root after one run of the whole study."""
    copied = tmp_path / "data"
    shutil.copytree(test_data, copied)
    monkeypatch.setenv("CIRCUIT_SCALING_TEST_DATA", str(copied))
    return copied


def age(table: Path, version: str) -> Path:
    """A copy of a table's newest version, as an older one."""
    newest = max(path for path in table.iterdir() if path.is_dir())
    return Path(shutil.copytree(newest, table / version))


def test_old_versions_go_and_all_that_is_read_stays(root: Path) -> None:
    before = contents_of(root)
    heads = root / "04_feature" / "joint_heads.parquet"
    scan = next((root / "03_primary" / "head_effects").iterdir())
    old = [age(table, f"2020-01-0{day}T00.00.00.000Z") for table in (heads, scan) for day in (1, 2)]
    with_old = contents_of(root)
    size = sum(file.stat().st_size for folder in old for file in folder.iterdir())

    status, told = kedro_command("prune", "--env", "test", "--dry-run")
    assert status == 0, told
    assert "04_feature/joint_heads.parquet: 2 versions" in told
    assert f"in all: 4 things, {size:,} bytes" in told
    assert contents_of(root) == with_old

    status, told = kedro_command("prune", "--env", "test", "--keep", "2")
    assert status == 0, told
    assert [folder.exists() for folder in old] == [False, True, False, True]
    status, told = kedro_command("prune", "--env", "test")
    assert status == 0, told
    assert contents_of(root) == before

    # Whatever a stored output names is there.
    with KedroSession.create(PROJECT, env="test") as session:
        catalog = session.load_context().catalog
    for dataset in map(catalog.get, [*catalog.keys()]):
        stamp = (
            dataset.stamp()
            if isinstance(dataset, TableDataset | StampedFiles) and dataset.exists()
            else None
        )
        for name, (version, _) in ({} if stamp is None else stamp.inputs).items():
            if version:
                assert version in catalog.get(name).list_versions(full_path=False)


def test_a_number_of_versions_that_makes_no_sense(test_data: Path) -> None:
    status, told = kedro_command("prune", "--env", "test", "--keep", "0")
    assert status == 2
    assert "0 is not in the range x>=1" in told
