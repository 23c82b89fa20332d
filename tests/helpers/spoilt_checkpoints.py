"""Embedded checkpoints that are spoilt, and the one line that they are refused with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.loading import load_any
from circuit_scaling.models.roster import RosterEntry
from tests.conftest import PROJECT

ZOO = PROJECT / "data" / "01_raw" / "zoo"
Tensors = dict[str, torch.Tensor]


def edit_tensors(folder: Path, edit: Callable[[Tensors], Tensors]) -> None:
    """Edit the weights in full precision; they are shipped in half."""
    file = folder / "model.safetensors"
    whole = {name: tensor.float() for name, tensor in load_file(file).items()}
    tensors = {name: tensor.clone() for name, tensor in edit(whole).items()}
    save_file(tensors, file, {"format": "pt"})


def edit_config(folder: Path, **changes: object) -> None:
    """Change what config.json says."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def entry(folder: Path, **changes: object) -> RosterEntry:
    """The roster entry of a folder, with the shape of ``mini_gpt2_s``."""
    shape = {"params_m": 0.5, "n_layers": 4, "n_heads": 12} | changes
    return RosterEntry.model_validate({"slug": "x", "family": "x", "folder": str(folder), **shape})


def refused(folder: Path) -> str:
    """The line with which loading a folder is refused."""
    with pytest.raises(CircuitScalingError) as caught:
        load_any(str(folder))
    assert "\n" not in caught.value.message
    return caught.value.message


SMALL = {
    "vocab_size": 600,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
}
