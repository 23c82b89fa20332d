"""With weights in 16 bits every operation runs and stays near its result in float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from circuit_scaling.interventions.operations.ablate_sets import ablate_sets
from circuit_scaling.interventions.operations.attention import attention_from_end
from circuit_scaling.interventions.operations.patch import patch_heads, patch_sets
from circuit_scaling.interventions.operations.path_patching import path_effects, path_estimates
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.models.architecture import anatomy_of
from tests.helpers.engine_scan import batch_of
from tests.helpers.tiny_models import tiny_model, tiny_pairs, tiny_prompts

HEADS = [(0, 1), (1, 0), (2, 3)]
OPERATIONS = {
    "z": lambda a, prompts: patch_heads(a, tiny_pairs(prompts), HEADS, "noising").total,
    "v": lambda a, prompts: patch_heads(a, tiny_pairs(prompts), HEADS, "denoising", "v").total,
    "direct": lambda a, prompts: patch_heads(a, tiny_pairs(prompts), HEADS, "noising").direct,
    "sets": lambda a, prompts: patch_sets(a, tiny_pairs(prompts), [HEADS], "noising"),
    "ablated sets": lambda a, prompts: ablate_sets(
        a, batch_of(prompts), [HEADS], Ablation("mean"), ("contrast",)
    )["contrast"],
    "paths": lambda a, prompts: path_effects(a, tiny_pairs(prompts), HEADS[:1])[0].effects,
    "estimates": lambda a, prompts: path_estimates(a, tiny_pairs(prompts), HEADS[:1])[0, 1:],
    "attention": lambda a, prompts: attention_from_end(a, prompts.tokens, HEADS),
}


@pytest.fixture(scope="module", params=["gpt2", "gpt_neox_parallel", "llama_grouped"])
def models(request):
    single = tiny_model(request.param)
    half = tiny_model(request.param).to(torch.bfloat16)
    return tiny_prompts(single), anatomy_of(single), anatomy_of(half)


@pytest.mark.parametrize("name", OPERATIONS)
def test_near_float32(models, name):
    prompts, single, half = models
    expected, found = (OPERATIONS[name](anatomy, prompts) for anatomy in (single, half))
    assert found.dtype == np.float32
    typical = np.sqrt(np.mean(np.square(expected)))
    assert typical > 1e-4
    assert np.sqrt(np.mean(np.square(found - expected))) < 0.25 * typical + 5e-3
