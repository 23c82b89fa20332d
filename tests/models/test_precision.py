"""Embedded models in other precisions: nearly the same effects, and TF32 only on request."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.device import prepared_device
from circuit_scaling.interventions.model.rounding import tolerance
from circuit_scaling.interventions.operations.ablate_heads import scan_layers
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.models.architecture import anatomy_of
from circuit_scaling.models.loading import load_model
from circuit_scaling.models.roster import RosterEntry
from tests.conftest import PROJECT

ZOO = PROJECT / "data" / "01_raw" / "zoo"


def _entry(slug: str, **changes: object) -> RosterEntry:
    shape = {"params_m": 0.5, "n_layers": 4, "n_heads": 12, **changes}
    return RosterEntry.model_validate({"family": "x", "folder": str(ZOO / slug), **shape})


def _effects(anatomy: Anatomy) -> np.ndarray:
    rng = np.random.default_rng(0)
    pairs = [[int(a)] for a in rng.integers(5, anatomy.vocabulary, size=12)]
    tokens = rng.integers(5, anatomy.vocabulary, size=(6, 9))
    groups = np.zeros(6, np.int64)
    batch = Batch(tokens, pairs[:6], pairs[6:], pairs[:6], groups)
    scan = scan_layers(anatomy, batch, Ablation("zero"), ("contrast",), Chunk.of(anatomy, 54))
    return np.stack([part.effects["contrast"] for part in scan])


@pytest.mark.parametrize("slug", ["mini_gpt2_s", "mini_pythia_s", "mini_opt", "mini_neo"])
def test_weights_in_16_bits_give_nearly_the_same_effects(slug):
    entry = _entry(slug)
    full, half = load_model(entry), load_model(entry, "bf16")
    assert full.dtype == torch.float32
    assert half.dtype == torch.bfloat16
    exact, rounded = _effects(full), _effects(half)
    scale = np.abs(exact).max()
    assert 0 < np.abs(rounded - exact).max() < 0.1 * scale
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.98


def test_tf32_is_off_unless_it_is_asked_for():
    from circuit_scaling.interventions.model.device import prepare_device

    prepare_device("tf32")
    assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    prepare_device("float32")
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    assert torch.are_deterministic_algorithms_enabled()


def test_the_parts_are_proved_in_full_float32_also_for_a_run_in_tf32(monkeypatch):
    model = AutoModelForCausalLM.from_pretrained(ZOO / "mini_pythia_s", dtype="float32").eval()
    seen = []
    forward = torch.nn.Linear.forward

    def watched(self, values):
        seen.append(torch.backends.cuda.matmul.fp32_precision)
        return forward(self, values)

    with prepared_device("tf32"):
        monkeypatch.setattr(torch.nn.Linear, "forward", watched)
        anatomy_of(model)
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    assert seen and set(seen) == {"ieee"}


def test_a_rounder_arithmetic_is_given_more_room():
    full = tolerance(torch.float32, tf32=False)
    assert full < 2**-11 < tolerance(torch.float32, tf32=True)  # half a step of 10 bits
    assert tolerance(torch.float32, tf32=True) < tolerance(torch.bfloat16, tf32=False)
