"""Where a relative checkpoint folder of the roster is looked for; tau in environments."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from circuit_scaling import settings
from circuit_scaling.configuration import ProjectConfigLoader, with_models
from tests.conftest import PROJECT


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


@pytest.mark.parametrize(
    ("of_environment", "given", "expected"),
    [
        ({}, {}, 0.05),
        ({"classify": {"tau": 0.2}}, {}, 0.2),
        ({"classify": {"tau": 0.2}}, {"classify": {"tau": 0.1}}, 0.1),
        ({"classify": {"tau": 0.2}, "scan": {"settle": {"tau": 0.3}}}, {}, 0.3),
    ],
)
def test_heads_are_settled_at_the_tau_of_categories_of_the_environment(
    tmp_path: Path, of_environment: dict[str, Any], given: dict[str, Any], expected: float
) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(PROJECT / "conf", conf)
    (conf / "mine").mkdir()
    (conf / "mine" / "parameters_mine.yml").write_text(yaml.safe_dump(of_environment))
    loader = ProjectConfigLoader(
        str(conf), env="mine", runtime_params=given, **settings.CONFIG_LOADER_ARGS
    )
    assert loader["parameters"]["scan"]["settle"]["tau"] == expected
