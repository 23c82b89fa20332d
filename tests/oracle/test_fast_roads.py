"""The short cuts are taken, and what they skip is what nobody reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers.activations import FastGELUActivation, NewGELUActivation

from circuit_scaling.interventions.model.activations import fused_activations
from circuit_scaling.interventions.operations.ablate_heads import scan_layers
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.clean import CleanRun
from tests.helpers.engine_scan import assembled, batch_of, engine_effects
from tests.helpers.tiny_models import ARCHITECTURES, HEADS, LAYERS
from tests.oracle.conftest import DRAWS, SEED

ABLATIONS = [
    Ablation(mode, positions, DRAWS, SEED)
    for mode in ("zero", "mean", "resample")
    for positions in ("all", "end")
]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_several_ablations_in_one_scan_are_those_of_several_scans(study, architecture):
    shared = study(architecture)
    batch = batch_of(shared.prompts)
    readouts = ("contrast", "answer_logprob", "kl_to_clean")
    for chunk in (40, 450, 100_000):
        together = list(
            scan_layers(shared.anatomy, batch, ABLATIONS, readouts, Chunk.of(shared.anatomy, chunk))
        )
        for ablation in ABLATIONS:
            mine = [part for part in together if part.ablation == ablation]
            measured = assembled(mine, shared.anatomy, len(batch.tokens), readouts)
            alone = engine_effects(shared.anatomy, shared.prompts, ablation, readouts, chunk)
            for name in readouts:
                np.testing.assert_allclose(measured[name], alone[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_last_block_computes_its_mlp_at_the_last_position_only(study, architecture):
    shared = study(architecture)
    widths: list[int] = []
    attention = set(shared.anatomy.attentions[-1].modules())
    outside = (m for m in shared.anatomy.blocks[-1].modules() if m not in attention)
    wide = next(m for m in outside if hasattr(m, "weight") and m.weight.ndim == 2)
    handle = wide.register_forward_hook(lambda _m, _a, out: widths.append(out.shape[:-1].numel()))
    batch = batch_of(shared.prompts)
    n_prompts, positions = batch.tokens.shape
    try:
        scan = scan_layers(
            shared.anatomy, batch, Ablation("zero"), ("contrast",), Chunk.of(shared.anatomy, 45)
        )
        list(scan)
    finally:
        handle.remove()
    # Parallel blocks do not even run for heads of the last layer.
    runs = HEADS * (LAYERS - 1 if shared.anatomy.parallel else LAYERS)
    assert widths.count(n_prompts) >= runs
    assert widths.count(n_prompts * positions) <= 2  # the clean run


def test_kept_and_recomputed_clean_calls_are_the_same_bits(study):
    shared = study("llama_grouped")
    tokens = torch.as_tensor(shared.prompts.tokens)
    kept = CleanRun.of(shared.anatomy, tokens, keep=True)
    recomputed = CleanRun.of(shared.anatomy, tokens)
    assert kept.kept and not recomputed.kept
    for one, other in zip(kept.calls(), recomputed.calls(), strict=True):
        assert torch.equal(one.z, other.z)
        assert torch.equal(one.output, other.output)


@pytest.mark.parametrize("spelled_out", [NewGELUActivation, FastGELUActivation])
def test_fused_activations_are_equal_up_to_rounding_and_are_taken_back(spelled_out):
    model = nn.Sequential(nn.Linear(3, 3), spelled_out(), nn.ReLU())
    original = model[1]
    x = torch.linspace(-8, 8, 4001)[:, None].expand(-1, 3)
    expected = original(x.double())
    with fused_activations(model):
        fused: Any = model[1]
        assert isinstance(fused, nn.GELU)
        assert (fused(x).double() - expected).abs().max() < 2e-6
    assert model[1] is original


def test_a_scan_that_fails_leaves_the_activations_as_they_were(study):
    shared = study("gpt2")
    before = [type(m) for m in shared.anatomy.model.modules()]
    batch = batch_of(shared.prompts)
    scan = scan_layers(shared.anatomy, batch, Ablation("zero"), chunk=Chunk.of(shared.anatomy, 45))
    next(scan)
    assert [type(m) for m in shared.anatomy.model.modules()] != before
    scan.close()
    assert [type(m) for m in shared.anatomy.model.modules()] == before
