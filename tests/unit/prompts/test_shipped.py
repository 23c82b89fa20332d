"""The tasks belong to the package; configuration adds to them and changes single values."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from circuit_scaling.configuration import ProjectConfigLoader
from circuit_scaling.prompts.shipped import shipped_entries, shipped_tasks
from circuit_scaling.prompts.spec import Tasks
from circuit_scaling.settings import CONFIG_LOADER_ARGS
from tests.conftest import PROJECT
from tests.helpers.command_line import own_process

MINE = {"build": "names", "reference": "mine", "templates": ["{A} met {B}. {S} saw"]}


def tasks_of(conf: Path, **params: Any) -> dict[str, Any]:
    loader = ProjectConfigLoader(str(conf), runtime_params=params, **CONFIG_LOADER_ARGS)
    tasks: dict[str, Any] = loader["parameters"]["tasks"]
    assert Tasks.model_validate(tasks)
    return tasks


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """The shipped configuration with an empty environment of the user."""
    for name in ("parameters_scan.yml", "parameters_classify.yml", "globals.yml"):
        (tmp_path / "base").mkdir(exist_ok=True)
        shutil.copy(PROJECT / "conf" / "base" / name, tmp_path / "base")
    (tmp_path / "local").mkdir()
    return tmp_path


def test_the_configuration_has_the_tasks_of_the_package(conf: Path) -> None:
    assert tasks_of(conf) == shipped_entries()
    assert Tasks.model_validate(shipped_entries()) == shipped_tasks()


def test_an_entry_of_an_environment_stands_beside_the_shipped_ones(conf: Path) -> None:
    text = '{build: names, reference: mine, templates: ["{A} met {B}. {S} saw"]}'
    (conf / "local" / "parameters_scan.yml").write_text(f"tasks:\n  mine: {text}\n")
    assert tasks_of(conf) == shipped_entries() | {"mine": MINE}


def test_an_environment_changes_one_value_and_keeps_the_rest(conf: Path) -> None:
    (conf / "local" / "parameters_scan.yml").write_text("tasks: {ioi: {n_prompts: 80}}\n")
    shipped = shipped_entries()
    assert tasks_of(conf) == shipped | {"ioi": shipped["ioi"] | {"n_prompts": 80}}


def test_a_run_time_parameter_changes_one_value_and_keeps_the_rest(conf: Path) -> None:
    (conf / "local" / "parameters_scan.yml").write_text("tasks: {ioi: {n_prompts: 80}}\n")
    shipped = shipped_entries()
    changed = tasks_of(conf, tasks={"ioi": {"n_prompts": 40}, "mine": MINE})
    assert changed == shipped | {"ioi": shipped["ioi"] | {"n_prompts": 40}, "mine": MINE}
    assert tasks_of(conf, scan={"seed": 1})["ioi"] == shipped["ioi"] | {"n_prompts": 80}


@pytest.mark.parametrize("text", ["scan_window: 3", "tasks: {other: {}}"])
def test_the_package_alone_has_them_whatever_the_working_directory_holds(
    tmp_path: Path, text: str
) -> None:
    shutil.copytree(PROJECT / "src" / "circuit_scaling", tmp_path / "site" / "circuit_scaling")
    foreign = tmp_path / "here" / "conf" / "base" / "parameters_scan.yml"
    foreign.parent.mkdir(parents=True)
    foreign.write_text(text)
    code = "from circuit_scaling.prompts.shipped import shipped_tasks; print(*shipped_tasks().root)"
    status, printed = own_process(["-c", code], tmp_path / "here", tmp_path / "site")
    assert status == 0, printed
    assert printed.split() == list(shipped_tasks().root)
