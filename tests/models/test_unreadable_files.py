"""Checkpoints with files that cannot be read: one line with the file and the reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.sources import identity_of
from tests.helpers.spoilt_checkpoints import edit_config, entry, refused


def _truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    os.truncate(file, file.stat().st_size // 2)


def _flipped(folder: Path) -> None:
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[12] ^= 0xFF  # in the header
    file.write_bytes(content)


def _pointer(folder: Path) -> None:
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")


def _folder_for_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()


class _Executed:
    """What would run if the pickle were trusted."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self._place),))


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"x": _Executed(folder / "executed")}, folder / "pytorch_model.bin")


def _broken_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _folder_for_config(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _no_tokenizer(folder: Path) -> None:
    for file in folder.glob("token*"):
        file.unlink()


def _broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("[]")


def _quantised(folder: Path) -> None:
    method = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    edit_config(folder, quantization_config=method)


def _flash(folder: Path) -> None:
    edit_config(folder, _attn_implementation="flash_attention_2")


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_truncated, "model.safetensors' is damaged"),
        (_flipped, "model.safetensors' is damaged"),
        (_pointer, "model.safetensors' is damaged"),
        (_folder_for_weights, "model.safetensors"),
        (_pickle, "pytorch_model.bin"),
        (_broken_json, "config.json"),
        (_folder_for_config, "config.json"),
        (_no_weights, "model.safetensors"),
        (_no_tokenizer, "tokenizer of 'mini_gpt2_s'"),
        (_broken_tokenizer, "tokenizer of 'mini_gpt2_s'"),
        (_quantised, "GPTQ"),
        (_flash, "FlashAttention2"),
    ],
    ids=lambda given: given.__name__.strip("_") if callable(given) else "",
)
def test_what_cannot_be_read_is_one_line_with_the_file_and_the_reason(copy, spoil, named):
    folder = copy()
    spoil(folder)
    message = refused(folder)
    assert named in message
    assert str(folder) in message
    assert not (folder / "executed").exists()


def test_a_folder_in_place_of_a_file_has_no_fingerprint(copy):
    folder = copy()
    _folder_for_weights(folder)
    with pytest.raises(CircuitScalingError, match=r"cannot be read: .*model\.safetensors"):
        identity_of(entry(folder))
