"""Where a relative checkpoint folder of the roster is looked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from circuit_scaling.configuration import with_models


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A project, a configuration elsewhere, and a working directory that is neither."""
    found = {name: tmp_path / name for name in ("project", "elsewhere", "here")}
    for place in found.values():
        place.mkdir()
    monkeypatch.chdir(found["here"])
    return found


def folder_of(places: dict[str, Path]) -> Any:
    given = {"models": {"a": {"folder": "ckpt"}}}
    found = with_models(given, places["project"], places["elsewhere"] / "conf")
    return found["models"]["a"]["folder"]


def test_in_the_project_before_beside_the_configuration(places: dict[str, Path]) -> None:
    (places["elsewhere"] / "ckpt").mkdir()
    assert folder_of(places) == str(places["elsewhere"] / "ckpt")
    (places["project"] / "ckpt").mkdir()
    assert folder_of(places) == str(places["project"] / "ckpt")


def test_a_folder_of_the_working_directory_alone_is_left_to_be_found_there(
    places: dict[str, Path],
) -> None:
    (places["here"] / "ckpt").mkdir()
    assert folder_of(places) == "ckpt"
