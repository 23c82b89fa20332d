"""`kedro cluster`: what it needs is said in one line, and nobody else waits for Dask."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from circuit_scaling.cli import cluster
from tests.helpers.command_line import own_process


def said(*options: str) -> str:
    """What the command says where it does not begin."""
    done = CliRunner().invoke(cluster, options)
    assert done.exit_code != 0
    return done.output


@pytest.mark.parametrize("options", [(), ("--local", "2", "--scheduler", "tcp://a:1")])
def test_one_place_to_work_is_asked_for(options: tuple[str, ...]):
    assert said(*options).startswith("Error: Say where to work: --scheduler ADDRESS")


def test_no_worker_is_none():
    assert "0 is not in the range x>=1" in said("--local", "0")


def test_without_dask_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    for module in ("at_work", "run", "workers"):
        monkeypatch.delitem(sys.modules, f"circuit_scaling.cluster.{module}", raising=False)
    told = said("--local", "2")
    assert "pip install 'circuit-scaling[cluster]'" in told
    assert "Traceback" not in told


def test_other_commands_do_not_import_dask(tmp_path: Path):
    code = "import circuit_scaling.cli, sys; sys.exit('dask' in sys.modules)"
    status, printed = own_process(["-c", code], tmp_path)
    assert status == 0, printed
