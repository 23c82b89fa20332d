"""A suggested command, pasted into a shell, is the run that it says."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from circuit_scaling.analysis.import_tables.joint import import_joint_table
from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.cli import run as kedro_run
from circuit_scaling.commands import command_in, remember_run, run_command
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.roster import Rosters

PATHS = [
    "table.csv",
    "/data/my tables/all heads.csv",
    "/data/gpt2,pythia.csv",
    "/data/Mary's table.csv",
    '/data/the "good" one.csv',
    "/data/{a}: b #2.csv",
    "/data/layer=3.csv",
    " leading.csv",
    "1e5",
    "null",
    "/data/${globals:roster}.csv",
    "/data/größe,neu.csv",
    "C:\\data\\a,b.csv",
    "~/table.csv",
]


def pasted(command: str) -> dict[str, Any]:
    """The options as the command line reads them, after the shell."""
    words = shlex.split(command)
    assert words[:2] == ["kedro", "run"]
    options = kedro_run.make_context("run", words[2:]).params
    resolved = OmegaConf.merge(OmegaConf.create({}), options["params"])
    return options | {"params": OmegaConf.to_container(resolved, resolve=True)}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_comes_through_shell_and_kedro_as_it_is(path: str) -> None:
    command = run_command(params={"import.joint_table": path, "import.on_suspect": "keep"})
    assert pasted(command)["params"] == {"import": {"joint_table": path, "on_suspect": "keep"}}


def test_a_plain_path_is_shown_as_it_is() -> None:
    command = run_command(env="external", params={"import.joint_table": "PATH"})
    assert command == "kedro run --env external --params import.joint_table=PATH"


def test_the_command_reaches_the_environment_and_the_configuration_of_the_run(tmp_path) -> None:
    conf = tmp_path / "my conf"
    conf.mkdir()
    remember_run("kedro run", env="my test", conf_source=str(conf))
    options = pasted(run_command(["join", "classify"], namespace="join.gpt2", env="external"))
    assert options["env"] == "my test"
    assert options["conf_source"] == str(conf)
    assert options["pipelines"] == ["join", "classify"]
    assert options["namespaces"] == ["join.gpt2"]
    remember_run("kedro run")
    assert run_command() == "kedro run"


def test_the_command_has_the_parameters_of_the_run_with_their_types() -> None:
    given = {
        "classify": {"tau": 0.2, "top_k": 3},
        "import": {"joint_table": "a,b.csv", "on_suspect": "stop"},
        "causal": {"max_prompts": None, "heads": "all"},
        "name": "1e5",
    }
    remember_run("kedro run", params=given)
    assert pasted(run_command(["report"]))["params"] == given
    keep = pasted(run_command(params={"import.on_suspect": "keep"}))["params"]
    assert keep["import"] == {"joint_table": "a,b.csv", "on_suspect": "keep"}
    remember_run("kedro run", params={"classify": {"taus": [0.1, 0.2]}})
    assert run_command() == "kedro run"


def test_what_a_suspect_table_suggests_imports_that_table(tmp_path) -> None:
    path = tmp_path / "Mary's heads, all.csv"
    heads = [f"gpt2,gpt2,0,{head % 3},0.{head},0.1" for head in range(4)]  # head 0 twice
    path.write_text("\n".join(["family,model,layer,head,delta_ioi,delta_anti", *heads]))
    with pytest.raises(CircuitScalingError, match="Nothing was written") as caught:
        import_joint_table(ImportSettings(joint_table=str(path)), Rosters({}))
    command = caught.value.message.rpartition("report: ")[2]
    options = pasted(command)
    assert options["env"] == "external"
    assert options["params"]["import"] == {"joint_table": str(path), "on_suspect": "keep"}


@pytest.mark.parametrize("env", [None, "external"])
def test_another_environment_is_run_with_its_own_pipelines_and_parameters(
    env: str | None, tmp_path: Path
) -> None:
    assert command_in("pretrained") == "kedro run --env pretrained"
    conf = tmp_path / "my conf"
    conf.mkdir()
    remember_run("kedro run", env, str(conf), {"import": {"joint_table": "table.csv"}})
    options = pasted(command_in("pretrained"))
    assert (options["env"], options["conf_source"]) == ("pretrained", str(conf))
    assert options["params"] == {}


def test_models_that_are_left_out_are_named_once_with_those_of_the_run() -> None:
    assert run_command(without=["a"]) == "kedro run --without a"
    remember_run("kedro run", without=["a", "b"])
    assert run_command() == "kedro run --without a,b"
    assert run_command(without=["c"], options=["--resume"]) == "kedro run --without a,b,c --resume"
