"""A branch of the hub moves; what was measured stays with the commit that it was measured on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers.utils import hub

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.scan.freshness import fresh_prompts, revision_of, scan_fingerprint
from circuit_scaling.models.loading import load_model, load_tokenizer
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sources import identity_of
from circuit_scaling.pipelines.scan.nodes import make_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from tests.conftest import PROJECT
from tests.helpers import small_scans

OLD, NEW = "a" * 40, "b" * 40
ENTRY = RosterEntry(slug="tiny", family="x", hub="someone/tiny", params_m=1, n_layers=4, n_heads=12)
SETTINGS = PromptSettings(n_prompts=40)


class Hub:
    """A hub's cache on disk with one repository, and a branch that can be moved."""

    def __init__(self, folder: Path) -> None:
        self._repository = folder / "models--someone--tiny"
        (self._repository / "refs").mkdir(parents=True)

    def add(self, commit: str, scale: float) -> None:
        """A commit with the embedded model's weights, its first projection scaled."""
        snapshot = self._repository / "snapshots" / commit
        shutil.copytree(PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s", snapshot)
        tensors = load_file(snapshot / "model.safetensors")
        name = "transformer.h.0.attn.c_proj.weight"
        tensors[name] = tensors[name] * scale
        save_file(tensors, snapshot / "model.safetensors", {"format": "pt"})

    def move(self, branch: str, commit: str) -> None:
        (self._repository / "refs" / branch).write_text(commit)


@pytest.fixture
def moving(tmp_path, monkeypatch) -> Hub:
    """A hub whose main branch is at ``OLD``; nothing is asked of the network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "is_offline_mode", lambda: True)
    hubs = Hub(tmp_path)
    hubs.add(OLD, scale=1.0)
    hubs.add(NEW, scale=2.0)
    hubs.move("main", OLD)
    return hubs


def _prompts(entry: RosterEntry = ENTRY):
    return make_prompts(entry, shipped_tasks(), SETTINGS)


def _first_projection(commit: str) -> torch.Tensor:
    return load_model(ENTRY, commit=commit).w_o(0)


def test_the_commit_is_in_the_prompts_and_in_both_fingerprints(moving):
    old = _prompts()
    moving.move("main", NEW)
    new = _prompts()
    assert (revision_of(old), revision_of(new)) == (OLD, NEW)
    assert set(old["fingerprint"]).isdisjoint(new["fingerprint"])
    of_scans = {
        scan_fingerprint(ENTRY, shipped_tasks(), small_scans.SETTINGS, p) for p in (old, new)
    }
    assert len(of_scans) == 2
    assert identity_of(ENTRY, OLD) != identity_of(ENTRY, NEW)


def test_what_follows_stays_with_the_commit_of_the_prompts(moving):
    prompts = _prompts()
    moving.move("main", NEW)
    assert torch.equal(_first_projection(revision_of(prompts)) * 2, _first_projection(""))
    assert fresh_prompts(ENTRY, shipped_tasks(), SETTINGS, prompts)


def test_another_revision_in_the_roster_makes_prompts_stale(moving):
    prompts = _prompts()
    moving.move("step1000", OLD)
    other = ENTRY.model_copy(update={"revision": "step1000"})
    assert not fresh_prompts(other, shipped_tasks(), SETTINGS, prompts)


def test_a_folder_has_no_commit():
    folder = str(PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s")
    local = RosterEntry(family="x", folder=folder, params_m=1, n_layers=4, n_heads=12)
    assert load_tokenizer(local).commit == ""
    assert set(_prompts(local)["revision"]) == {""}


def test_a_commit_that_is_nowhere_is_one_line(moving):
    with pytest.raises(
        CircuitScalingError, match="'tiny' cannot be loaded from 'someone/tiny@main'"
    ):
        load_model(ENTRY, commit="c" * 40)
