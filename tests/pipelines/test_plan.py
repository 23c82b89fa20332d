"""`kedro plan`: counts as the run log has them, what is done, and what is missing."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants
from kedro.framework.session import KedroSession
from kedro.io import DataCatalog

from circuit_scaling.interventions.model import memory
from circuit_scaling.models.hub import Hub
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.plan.places import place_of
from circuit_scaling.plan.plan import amount_of
from circuit_scaling.plan.settings import Settings
from circuit_scaling.plan.shapes import shape_of
from tests.conftest import PROJECT
from tests.helpers.command_line import kedro_command

LOGS = ("run_log", "causal_log", "ablation_log", "detect_log", "mask_log")


def plan(*options: str) -> tuple[int, str]:
    status, said = kedro_command("plan", "--env", "test", *options)
    assert "Traceback" not in said
    return status, " ".join(said.split())


def test_counts_are_those_of_a_run(study: DataCatalog) -> None:
    """Exactly where all is known before; no less where heroes and sets are only bounded."""
    with KedroSession.create(PROJECT, env="test") as session:
        parameters = session.load_context().params
    settings = Settings(parameters)
    filings = len(study.load("filings_truth"))
    for log in LOGS:
        for _, row in study.load(log).iterrows():
            given = {**parameters["models"], **parameters["retrieval_models"]}[row["model"]]
            entry = RosterEntry.model_validate(given)
            sizes = shape_of(entry, place_of(entry, Hub()).headers).sizes
            counted = amount_of(row["stage"], sizes, settings, filings).counted
            logged = round(row["seconds"] * row["per_second"])
            if row["stage"] in ("scan", "retrieval_detect"):
                assert counted == logged
            else:
                assert logged <= counted <= 3 * logged


def test_after_a_run_all_is_done(study: DataCatalog) -> None:
    status, said = plan()
    assert status == 0
    assert "Nothing is left to do." in said
    assert "done done done" in said


def test_other_settings_leave_a_stage_and_what_waits_for_it(study: DataCatalog) -> None:
    status, said = plan("--params", "causal.max_receivers=2", "--pipelines", "causal,ablation")
    assert status == 0
    row = said.partition("mini_gpt2_s")[2].partition("mini_pythia_s")[0]
    assert row.endswith("done ") and " s done" in row
    assert "Nothing is missing. Run it: kedro run --env test --resume" in said


def test_every_fault_of_a_model_is_listed_with_its_way_out(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda _: 10**8)
    status, said = plan(
        "--pipelines",
        "scan",
        "--params",
        "models.mini_gpt2_s.folder=nowhere,models.mini_pythia_s.device=cuda:7",
    )
    assert status == 1
    assert "3 things missing:" in said
    assert "mini_gpt2_s: There is no checkpoint folder 'nowhere'" in said
    assert "mini_pythia_s: Model 'mini_pythia_s': the device 'cuda:7' is not there" in said
    assert "mini_gpt2_s: It needs at least 0.7 GB of memory, and 0.1 GB are free on cpu." in said
    assert not elsewhere.exists()


def test_a_model_that_is_left_out_is_not_planned(elsewhere: Path) -> None:
    status, said = plan("--pipelines", "scan", "--without", "mini_gpt2_s")
    assert status == 0
    assert "mini_pythia_s" in said.partition("Steps")[0]
    assert "mini_gpt2_s" not in said.partition("Steps")[0]


def test_a_hub_that_cannot_be_reached_is_one_line_for_all(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(elsewhere))
    hubs = [
        f"models.{slug}.folder=null,models.{slug}.hub=a/b"
        for slug in ("mini_gpt2_s", "mini_pythia_s")
    ]
    status, said = plan("--pipelines", "scan", "--params", ",".join(hubs))
    assert status == 1
    assert "1 thing missing:" in said
    assert "mini_gpt2_s, mini_pythia_s: it is not in the cache, and HF_HUB_OFFLINE is set" in said
    assert "~" in said  # its sizes are the roster's


def test_a_full_disk_is_missing(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    status, said = plan("--pipelines", "scan")
    assert status == 1
    assert "The tables take about 0.0 GB, and 0.0 GB are free in" in said


def test_a_wrong_setting_is_one_line(elsewhere: Path) -> None:
    status, said = plan("--params", "scan.draws=0")
    assert status == 1
    assert "Error: The configuration is not valid: scan.draws" in said


def test_tables_alone_open_no_model(elsewhere: Path) -> None:
    status, said = plan("--pipelines", "classify")
    assert status == 0
    assert "no model is opened" in said
