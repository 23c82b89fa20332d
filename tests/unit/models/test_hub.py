"""What a hub says of a model, and what its cache holds; nothing is asked of the network."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import constants, errors

from circuit_scaling.models.hub import Hub, cached_folder
from circuit_scaling.models.roster import RosterEntry

ENTRY = RosterEntry(
    slug="m", family="f", hub="someone/m", params_m=1, n_layers=1, n_heads=1, revision="step1"
)
FILES = {
    "config.json": 10,
    "model.safetensors": 1000,
    "pytorch_model.bin": 1000,
    "tf_model.h5": 1000,
    "onnx/model.safetensors": 1000,
    "tokenizer.json": 5,
}


class Api:
    """Stands in for the hub's: answers, or raises."""

    asked = 0
    answer: Any = None
    check: Exception | None = None

    def model_info(self, *_: object, **__: object) -> Any:
        Api.asked += 1
        if isinstance(Api.answer, Exception):
            raise Api.answer
        return Api.answer

    def auth_check(self, _: str) -> None:
        if Api.check:
            raise Api.check


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    Api.asked, Api.answer, Api.check = 0, None, None
    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def info(gated: str | bool = False, **files: int) -> SimpleNamespace:
    found = [SimpleNamespace(rfilename=name, size=size) for name, size in (files or FILES).items()]
    return SimpleNamespace(gated=gated, siblings=found)


def refused(kind: type[errors.HfHubHTTPError]) -> errors.HfHubHTTPError:
    return kind("no", response=httpx2.Response(403, request=httpx2.Request("GET", "http://hub")))


def test_weights_that_are_there_twice_are_downloaded_once() -> None:
    Api.answer = info()
    assert Hub().ask(ENTRY).size == 1015
    Api.answer = info(**{"config.json": 10, "pytorch_model.bin": 1000})
    assert Hub().ask(ENTRY).size == 1010


def test_a_gated_model_without_a_token_says_where_to_accept_its_terms() -> None:
    Api.answer, Api.check = info(gated="manual"), refused(errors.GatedRepoError)
    fault = Hub().ask(ENTRY).fault
    assert "gated, and there is no token" in fault
    assert "https://huggingface.co/someone/m, and log in" in fault


def test_a_gated_model_that_the_account_may_read_is_there() -> None:
    Api.answer = info(gated="auto")
    assert not Hub().ask(ENTRY).fault


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (errors.RevisionNotFoundError, "no revision 'step1'"),
        (errors.RepositoryNotFoundError, "none of that name for this account"),
        (errors.HfHubHTTPError, "the hub refuses it"),
    ],
)
def test_what_the_hub_refuses_is_said(kind: type[errors.HfHubHTTPError], said: str) -> None:
    Api.answer = refused(kind)
    assert said in Hub().ask(ENTRY).fault


def test_a_hub_that_is_silent_is_asked_once() -> None:
    Api.answer = httpx2.ConnectError("no network")
    asked = Hub()
    assert [asked.ask(ENTRY), asked.ask(ENTRY)] == [asked.ask(ENTRY)] * 2
    assert "the hub is not reachable; nor is there a token" in asked.ask(ENTRY).fault
    assert Api.asked == 1


def test_offline_by_choice_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in Hub().ask(ENTRY).fault
    assert not Api.asked


def test_a_cache_counts_where_all_weights_are_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository, commit = tmp_path / "models--someone--m", "a" * 40
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "step1").write_text(commit)
    assert cached_folder(ENTRY) is None
    (snapshot / "config.json").write_text("{}")
    assert cached_folder(ENTRY) is None
    parts = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    (snapshot / "model-1.safetensors").write_bytes(b"")
    assert cached_folder(ENTRY) is None
    (snapshot / "model-2.safetensors").write_bytes(b"")
    assert cached_folder(ENTRY) == snapshot
