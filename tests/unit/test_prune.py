"""Whatever is kept can be followed back to versions that are there; the rest goes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io import Version

from circuit_scaling.datasets import PageDataset, TableDataset
from circuit_scaling.datasets.stamps import STAMP, Stamp
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.locks import node_lock
from circuit_scaling.prune import remove_waste, waste_in
from tests.helpers.files import contents_of, files
from tests.helpers.killed import killed_while_writing

FRAME = pd.DataFrame({"head": [0, 1]})
Inputs = dict[str, str]
"""Dataset -> version."""


def stamp(inputs: Inputs) -> Stamp:
    return Stamp("node", "key", "code", {name: (made, "0") for name, made in inputs.items()})


class Root:
    """A data root with tables that say by hand what they were made from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / "04_feature" / f"{name}.parquet"

    def save(self, name: str, version: str, inputs: Inputs | None = None) -> Path:
        frame = FRAME.copy()
        if inputs is not None:
            frame.attrs[STAMP] = stamp(inputs).as_data()
        TableDataset(filepath=str(self.path(name)), version=Version(None, version)).save(frame)
        return self.path(name) / version

    def page(self, inputs: Inputs) -> None:
        page = PageDataset(str(self.folder / "08_reporting" / "report.html"))
        page.save("page")
        page.set_stamp(stamp(inputs))

    def prune(self, keep: int = 1) -> None:
        remove_waste(self.folder, waste_in(self.folder, self.path, keep))

    def versions(self, name: str) -> list[str]:
        return sorted(folder.name for folder in self.path(name).iterdir())


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def test_what_the_page_was_made_from_stays(root: Root) -> None:
    for version in "1234":
        root.save("scans", version)
        root.save("heads", version, {"scans": version})
    root.save("other", "1", {"scans": "3"})
    root.page({"heads": "2", "params:classify": None})
    root.prune()
    assert root.versions("heads") == ["2", "4"]  # of the page, and the newest
    assert root.versions("scans") == ["2", "3", "4"]  # of heads 2, of other 1, and of heads 4
    assert root.versions("other") == ["1"]


def test_as_many_as_are_to_be_kept(root: Root) -> None:
    for version in "1234":
        root.save("heads", version)
    root.prune(keep=3)
    assert root.versions("heads") == ["2", "3", "4"]
    root.prune()
    assert root.versions("heads") == ["4"]


def test_the_newest_whole_version_stays_beside_a_damaged_one(root: Root) -> None:
    for version in "123":
        root.save("heads", version)
    (root.path("heads") / "3" / "heads.parquet").write_bytes(b"PAR1")
    root.prune()
    assert root.versions("heads") == ["2", "3"]


def test_what_killed_runs_left_goes_and_all_else_stays(root: Root) -> None:
    root.save("heads", "1")
    root.page({})
    others = [root.folder / "external" / "04_feature" / "heads.parquet" / v for v in "12"]
    for version in others:  # the data root of another environment
        version.mkdir(parents=True)
        FRAME.to_parquet(version / "heads.parquet")
    (root.path("heads") / "README.md").write_text("somebody's own")
    before = contents_of(root.folder)
    killed_while_writing(root.path("heads") / "2" / "heads.parquet")
    killed_while_writing(root.folder / "08_reporting" / "report.html")
    assert contents_of(root.folder) != before
    root.prune()
    assert contents_of(root.folder) == before
    assert root.versions("heads") == ["1", "README.md"]


def test_nothing_is_removed_beside_a_run(root: Root) -> None:
    root.save("heads", "1")
    root.save("heads", "2")
    with node_lock(root.folder, "join"), pytest.raises(CircuitScalingError) as caught:
        root.prune()
    assert "A run is at work in" in str(caught.value)
    assert "(join: process" in str(caught.value)
    assert root.versions("heads") == ["1", "2"]


def test_what_is_told(root: Root) -> None:
    root.save("heads", "1")
    size = sum(file.stat().st_size for file in files(root.path("heads") / "1"))
    root.save("heads", "2")
    told = [*waste_in(root.folder, root.path).in_words(root.folder)]
    assert told == [
        f"04_feature/heads.parquet: 1 version, {size:,} bytes",
        f"in all: 1 thing, {size:,} bytes",
    ]
    assert root.versions("heads") == ["1", "2"]


@given(st.data())
def test_everything_that_is_kept_can_be_followed_back(tmp_path_factory, data) -> None:
    root = Root(tmp_path_factory.mktemp("root"))
    names = ["a", "b", "c"]
    made: dict[tuple[str, str], Inputs] = {}
    for name in names:
        for version in "123"[: data.draw(st.integers(1, 3))]:
            before = sorted({key for key in made if key[0] < name})
            inputs = dict(data.draw(st.lists(st.sampled_from(before)))) if before else {}
            made[name, version] = inputs
            root.save(name, version, inputs)
    root.prune()
    left = {(name, version) for name in names for version in root.versions(name)}
    newest = {(name, max(v for n, v in made if n == name)) for name in names}
    needed = newest | {read for key in left for read in made[key].items()}
    assert left == needed
