"""Pickled weights and code that comes with a checkpoint: with consent only."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from pydantic import ValidationError
from safetensors.torch import load_file
from transformers.utils import hub

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.shared.run_log import run_log
from circuit_scaling.models.loading import load_any, load_model, load_tokenizer
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sources import identity_of
from tests.conftest import PROJECT

ZOO = PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s"
COMMIT = "c" * 40
SECRET = "hf_madeUpAndNeverGiven"  # noqa: S105


class _Executed:
    """What runs where a pickle is trusted."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self._place),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of an embedded checkpoint."""
    return Path(shutil.copytree(ZOO, tmp_path / "mini"))


def _entry(**changes: object) -> RosterEntry:
    shape = {"params_m": 0.5, "n_layers": 4, "n_heads": 12}
    return RosterEntry.model_validate({"slug": "mini", "family": "x", **shape, **changes})


def _pickle(folder: Path, *, malicious: bool = False) -> None:
    """Put a pickle in the place of the safetensors."""
    weights: dict[str, object] = dict(load_file(folder / "model.safetensors"))
    if malicious:
        weights["x"] = _Executed(folder / "executed")
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def _refused(entry: RosterEntry) -> str:
    with pytest.raises(CircuitScalingError) as caught:
        load_model(entry)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("malicious", [False, True])
def test_pickled_weights_are_refused_and_not_read(folder, malicious):
    _pickle(folder, malicious=malicious)
    message = _refused(_entry(folder=str(folder)))
    for word in ("'mini'", "pytorch_model.bin", "'pickled: true'"):
        assert word in message
    with pytest.raises(CircuitScalingError, match="pickled"):
        load_any(folder)
    assert not (folder / "executed").exists()


def test_with_consent_the_same_weights_are_read(folder):
    expected = load_model(_entry(folder=str(folder))).model.state_dict()
    _pickle(folder)
    found = load_model(_entry(folder=str(folder), pickled=True)).model.state_dict()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor)


def test_with_consent_a_pickle_still_runs_nothing(folder):
    _pickle(folder, malicious=True)
    assert "cannot be loaded" in _refused(_entry(folder=str(folder), pickled=True))
    assert not (folder / "executed").exists()


@pytest.mark.parametrize("pickled", [False, True])
def test_safetensors_beside_a_pickle_are_taken(folder, pickled):
    torch.save({"x": _Executed(folder / "executed")}, folder / "pytorch_model.bin")
    load_model(_entry(folder=str(folder), pickled=pickled))
    assert not (folder / "executed").exists()


def _name_code(folder: Path, file: str) -> None:
    """Let a file of the checkpoint name code that would say that it was run."""
    (folder / "own.py").write_text(f"import os\nos.mkdir({str(folder / 'executed')!r})\n")
    told = json.loads((folder / file).read_text())
    classes = {"AutoConfig": "own.Config", "AutoTokenizer": ["own.Tokenizer", None]}
    (folder / file).write_text(json.dumps(told | {"auto_map": classes}))


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_is_refused_and_not_run(folder, file):
    _name_code(folder, file)
    message = _refused(_entry(folder=str(folder)))
    for word in ("'mini'", file, "own.Config", "'remote_code: true'"):
        assert word in message
    with pytest.raises(CircuitScalingError, match="remote_code"):
        load_tokenizer(_entry(folder=str(folder)))
    assert not (folder / "executed").exists()


def test_with_consent_code_runs_and_is_part_of_what_the_model_is(folder):
    entry = _entry(folder=str(folder), remote_code=True)
    _name_code(folder, "config.json")
    before = identity_of(entry)
    _refused(entry)  # the code defines no class, but was run
    assert (folder / "executed").exists()
    (folder / "own.py").write_text("# other code\n")
    assert identity_of(entry) != before


@pytest.mark.parametrize("consent", ["pickled", "remote_code"])
@pytest.mark.parametrize("revision", [None, "main", "refs/pr/3", "c" * 39, "C" * 40])
def test_on_a_hub_consent_is_for_one_commit(consent, revision):
    with pytest.raises(ValidationError, match="40 hex digits"):
        _entry(hub="someone/tiny", revision=revision, **{consent: True})
    assert _entry(hub="someone/tiny", revision=COMMIT, **{consent: True}).at_commit


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub model in the cache; nothing is asked of the network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "is_offline_mode", lambda: True)
    repository = tmp_path / "models--someone--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    return Path(shutil.copytree(ZOO, repository / "snapshots" / COMMIT))


def test_a_hub_model_without_safetensors_says_what_to_add(snapshot):
    _pickle(snapshot)
    message = _refused(_entry(hub="someone/tiny"))
    for word in ("'mini'", "someone/tiny@main", "refs/pr/N", "'pickled: true'", "commit"):
        assert word in message
    load_model(_entry(hub="someone/tiny", revision=COMMIT, pickled=True))


def test_code_of_a_hub_model_is_refused(snapshot):
    _name_code(snapshot, "config.json")
    assert "with its commit as 'revision'" in _refused(_entry(hub="someone/tiny"))
    assert not (snapshot / "executed").exists()


def test_a_token_of_the_hub_is_said_nowhere(snapshot, monkeypatch, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    entry = _entry(hub="someone/tiny")
    without = identity_of(entry, COMMIT)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    anatomy = load_model(entry)
    assert identity_of(entry, COMMIT) == without
    log = run_log("scan", "mini", anatomy, "float32", Chunk.of(anatomy, 64), seconds=1.0, done=1)
    _pickle(snapshot)
    told = [log.to_csv(), caplog.text, *capfd.readouterr(), _refused(entry)]
    told += [_refused(_entry(hub="someone/else")), repr(entry), entry.model_dump_json()]
    assert SECRET not in "".join(told)
