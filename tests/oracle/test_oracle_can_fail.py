"""A broken branch would be seen: engines without it disagree with the oracle of the whole model.

Each case rebuilds a tiny model with one architectural branch undone, lets the engine scan that
copy, and compares with the hook loop over the intact model. Were the difference below the
tolerance of the exactness tests, those tests could not tell whether the branch is handled.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from circuit_scaling.interventions.replay.ablation import Ablation
from tests.helpers.engine_scan import anatomy_of_copy, engine_effects

VISIBLE = 1e-3


def _rebuilt(model: PreTrainedModel, **changes: Any) -> PreTrainedModel:
    """The same weights under a changed configuration."""
    config = copy.deepcopy(model.config)
    for name, value in changes.items():
        setattr(config, name, value)
    other = type(model)(config)
    other.load_state_dict(model.state_dict())
    return other.eval()


def sequential_instead_of_parallel(model: PreTrainedModel) -> PreTrainedModel:
    return _rebuilt(model, use_parallel_residual=False)


def parallel_instead_of_sequential(model: PreTrainedModel) -> PreTrainedModel:
    return _rebuilt(model, use_parallel_residual=True)


def rotary_on_every_dimension(model: PreTrainedModel) -> PreTrainedModel:
    return _rebuilt(
        model, rope_parameters=model.config.rope_parameters | {"partial_rotary_factor": 1.0}
    )


def norms_before_instead_of_after(model: PreTrainedModel) -> PreTrainedModel:
    # Without a norm at the end, as after-norm models have none.
    return _rebuilt(model, do_layer_norm_before=True, _remove_final_layer_norm=True)


def identity_projection_out(model: PreTrainedModel) -> PreTrainedModel:
    other = copy.deepcopy(model)
    with torch.no_grad():
        torch.nn.init.eye_(other.model.decoder.project_out.weight)
    return other


def identity_projection_in(model: PreTrainedModel) -> PreTrainedModel:
    other = copy.deepcopy(model)
    with torch.no_grad():
        torch.nn.init.eye_(other.model.decoder.project_in.weight)
    return other


def local_layers_made_global(model: PreTrainedModel) -> PreTrainedModel:
    return _rebuilt(
        model,
        attention_types=[[["global"], model.config.num_layers]],
        attention_layers=["global"] * model.config.num_layers,
    )


def heads_served_by_the_wrong_group(model: PreTrainedModel) -> PreTrainedModel:
    """Swap the key/value groups, as a replay that tiles instead of repeating them would."""
    other = copy.deepcopy(model)
    groups = model.config.num_key_value_heads
    with torch.no_grad():
        for block in other.model.layers:
            for projection in (block.self_attn.k_proj, block.self_attn.v_proj):
                for parameter in projection.parameters():
                    by_group = parameter.view(groups, -1, *parameter.shape[1:])
                    parameter.copy_(by_group.roll(1, dims=0).reshape(parameter.shape))
    return other


def no_query_key_value_biases(model: PreTrainedModel) -> PreTrainedModel:
    other = copy.deepcopy(model)
    with torch.no_grad():
        for block in other.model.layers:
            for name in ("q_proj", "k_proj", "v_proj"):
                getattr(block.self_attn, name).bias.zero_()
    return other


BRANCHES = [
    ("gpt_neox_parallel", sequential_instead_of_parallel),
    ("gpt_neox_sequential", parallel_instead_of_sequential),
    ("gpt_neox_parallel", rotary_on_every_dimension),
    ("opt_350m", norms_before_instead_of_after),
    ("opt_350m", identity_projection_out),
    ("opt_350m", identity_projection_in),
    ("gpt_neo", local_layers_made_global),
    ("llama_grouped", heads_served_by_the_wrong_group),
    ("qwen2_grouped", heads_served_by_the_wrong_group),
    ("qwen2_grouped", no_query_key_value_biases),
]


@pytest.mark.parametrize(
    ("architecture", "broken"), BRANCHES, ids=[f"{a}-{b.__name__}" for a, b in BRANCHES]
)
def test_a_broken_branch_is_visible(study, architecture, broken):
    shared = study(architecture)
    anatomy = anatomy_of_copy(broken(shared.model))
    measured = engine_effects(anatomy, shared.prompts, Ablation("zero"), ["contrast"], chunk=64)
    difference = np.abs(measured["contrast"] - shared.effects("zero", "all")["contrast"])
    # In every layer: a branch handled in some blocks only would show as well.
    assert difference.max(axis=(1, 2)).min() > VISIBLE


@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neox_parallel", "opt_350m"])
def test_heads_layers_modes_and_positions_are_told_apart(study, architecture):
    """Mixing up two heads, layers, ablation modes or position settings would be seen."""
    shared = study(architecture)
    effects = {
        (mode, positions): shared.effects(mode, positions)["contrast"]
        for mode in ("zero", "mean", "resample")
        for positions in ("all", "end")
    }
    zero = effects["zero", "all"]
    heads = zero.reshape(-1, zero.shape[-1])
    for first in range(len(heads)):
        for second in range(first):
            assert np.abs(heads[first] - heads[second]).max() > VISIBLE
    for first, one in effects.items():
        for second, other in effects.items():
            # In the last layer only the last position reaches the logits: all equals end there.
            compared = slice(None) if first[0] != second[0] else slice(0, -1)
            if first != second:
                assert np.abs(one - other)[compared].max(axis=-1).min() > VISIBLE
