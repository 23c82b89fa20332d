"""Embedded models in other precisions: nearly the same effects, and TF32 only on request."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.ablate_heads import scan_layers
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
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
    full, half = load_model(slug, entry), load_model(slug, entry, "bf16")
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
