"""Weights in one GGUF file: read as transformers reads them, said so, and refused when wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gguf
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, modeling_gguf_pytorch_utils

import circuit_scaling
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.loading import facts_of, load_model, load_tokenizer, weights_of
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sources import identity_of
from tests.helpers.gguf_models import HEADS, LAYERS, write_gguf

TEXTS = ("When", "Then Mary and John", "Today Alice met Bob.", "On the list we have", "After")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_gguf(folder / "tiny.gguf")
    return folder


def entry(folder: Path, name: str = "tiny.gguf", **changes: object) -> RosterEntry:
    given: dict[str, object] = {
        "slug": "tiny",
        "family": "tiny",
        "folder": str(folder),
        "gguf": name,
        "params_m": 0.3,
        "n_layers": LAYERS,
        "n_heads": HEADS,
        "untrained": True,
    }
    return RosterEntry.model_validate(given | changes)


def greedy(model: torch.nn.Module, ids: list[int], n: int) -> list[int]:
    """The likeliest continuation, token by token, without anybody's generation code."""
    with torch.no_grad():
        for _ in range(n):
            logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
            ids = [*ids, int(logits.argmax())]
    return ids


def test_the_text_is_that_of_transformers_own_loading(folder: Path) -> None:
    ours, reads = load_model(entry(folder)).model, load_tokenizer(entry(folder))
    theirs = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file="tiny.gguf", dtype=torch.float32
    )
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file="tiny.gguf")
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert reads.tokenizer.encode(text, add_special_tokens=False) == ids
        assert greedy(ours, ids, 30) == greedy(theirs, ids, 30)


def test_its_tables_are_parsed_once_and_libraries_are_left_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_gguf(tmp_path / "tiny.gguf")  # a file that nobody has read yet
    parsed = []
    begin = gguf.GGUFReader.__init__

    def counted(reader: gguf.GGUFReader, *args: object, **options: object) -> None:
        parsed.append(args)
        begin(reader, *args, **options)

    monkeypatch.setattr(gguf.GGUFReader, "__init__", counted)
    before = (gguf.GGUFReader, gguf.get_tensor_name_map, modeling_gguf_pytorch_utils.tqdm)
    load_tokenizer(entry(tmp_path))
    load_model(entry(tmp_path))
    assert len(parsed) == 1
    assert "de-quantizing" not in capfd.readouterr().err
    after = (gguf.GGUFReader, gguf.get_tensor_name_map, modeling_gguf_pytorch_utils.tqdm)
    assert after == before


def test_what_the_weights_were_is_said(folder: Path, tmp_path: Path) -> None:
    plain = write_gguf(tmp_path / "plain.gguf", quantised=False)
    facts = facts_of(entry(folder))
    assert facts is not None
    assert facts.quantisation == "Q4_1 (15 tensors), F32 (5 tensors)"
    words = "Q4_1 (15 tensors), F32 (5 tensors), dequantised to "
    assert weights_of(entry(folder), "float32") == words + "float32"
    assert weights_of(entry(folder), "bf16") == words + "bfloat16"
    assert weights_of(entry(plain.parent, plain.name), "float32") == "float32"


def test_the_fingerprint_is_that_of_the_files_content(folder: Path, tmp_path: Path) -> None:
    same = write_gguf(tmp_path / "tiny.gguf")
    assert identity_of(entry(tmp_path)) == identity_of(entry(folder))
    write_gguf(same, seed=1)
    assert identity_of(entry(tmp_path)) != identity_of(entry(folder))


@pytest.mark.parametrize(("adds_bos", "prefix"), [(None, ()), (False, ()), (True, (1,))])
def test_bos_is_what_the_file_says(
    tmp_path: Path, adds_bos: bool | None, prefix: tuple[int, ...]
) -> None:
    write_gguf(tmp_path / "tiny.gguf", adds_bos=adds_bos)
    assert load_tokenizer(entry(tmp_path)).prefix == prefix
    assert load_tokenizer(entry(tmp_path, bos=True)).prefix == (1,)
    assert load_tokenizer(entry(tmp_path, bos=False)).prefix == ()


def test_a_file_is_scanned_from_python(folder: Path) -> None:
    file = folder / "tiny.gguf"
    with pytest.warns(circuit_scaling.IncompetentModelWarning):
        heads = circuit_scaling.scan(file, "ioi", n_prompts=40, untrained=True)
    assert len(heads) == LAYERS * HEADS
    with pytest.raises(CircuitScalingError, match=r"plain text no better than word counts"):
        circuit_scaling.scan(str(file), "ioi", n_prompts=40)


def test_noise_is_refused_unless_it_is_meant(folder: Path) -> None:
    with pytest.raises(CircuitScalingError, match=r"'tiny' predicts .*'untrained: true'"):
        load_model(entry(folder, untrained=False))


class TestBadFiles:
    def refused(self, *args: object, **changes: object) -> str:
        with pytest.raises(CircuitScalingError) as caught:
            wrong = entry(*args, **changes)
            load_tokenizer(wrong)
            load_model(wrong)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_an_unknown_architecture(self, tmp_path: Path) -> None:
        write_gguf(tmp_path / "tiny.gguf", architecture="clip")
        assert "clip" in self.refused(tmp_path)

    def test_a_tokenizer_that_it_does_not_have(self, tmp_path: Path) -> None:
        write_gguf(tmp_path / "tiny.gguf", tokenizer=False)
        assert "tokenizer of 'tiny'" in self.refused(tmp_path)

    def test_a_tensor_that_is_missing(self, tmp_path: Path) -> None:
        write_gguf(tmp_path / "tiny.gguf", left_out="blk.1.ffn_up")
        assert "model.layers.1.mlp.up_proj.weight" in self.refused(tmp_path)

    def test_another_number_of_layers(self, folder: Path) -> None:
        message = self.refused(folder, n_layers=3)
        assert "the roster says 3 layers, 4 heads; the checkpoint has 2 layers" in message

    def test_a_file_that_is_cut_short(self, folder: Path, tmp_path: Path) -> None:
        whole = (folder / "tiny.gguf").read_bytes()
        (tmp_path / "tiny.gguf").write_bytes(whole[: len(whole) // 2])
        assert "tiny" in self.refused(tmp_path)

    def test_what_is_no_gguf_file(self, tmp_path: Path) -> None:
        (tmp_path / "tiny.gguf").write_bytes(b"something else entirely")
        assert "tiny" in self.refused(tmp_path)


_WITHOUT_A_DISK = """
import resource, sys
from circuit_scaling.models.loading import load_any
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
print(load_any(sys.argv[1], untrained=True).anatomy.n_layers)
"""


def test_dequantising_writes_nothing_so_that_no_disk_can_be_full(folder: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", _WITHOUT_A_DISK, str(folder / "tiny.gguf")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == [str(LAYERS)]
