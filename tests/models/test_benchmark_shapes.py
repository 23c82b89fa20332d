"""The random models of the benchmarks have the shapes that the roster promises."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedConfig

from benchmarks.shapes import STUDY, config_of, meta_model, random_model
from tests.helpers.configured import configured
from tests.helpers.tiny_models import BUILDERS, VOCAB

ROSTER: dict[str, Any] = configured("models")["_rosters"]["study"]
CPU = torch.device("cpu")


def _tiny_config(architecture: str) -> PreTrainedConfig:
    return BUILDERS[architecture]().config


def test_shapes_are_those_of_the_roster() -> None:
    assert list(STUDY) == list(ROSTER)


@pytest.mark.parametrize("slug", ROSTER)
def test_layers_heads_width_and_parameters(slug: str) -> None:
    model = meta_model(config_of(slug))
    entry = ROSTER[slug]
    assert model.config.num_hidden_layers == entry["n_layers"]
    assert model.config.num_attention_heads == entry["n_heads"]
    assert model.config.hidden_size == entry["d_model"]
    assert entry["revision"] == "main"
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert parameters / 1e6 == pytest.approx(entry["params_m"], rel=0.01)


@pytest.mark.parametrize("architecture", BUILDERS)
def test_a_random_model_differs_from_a_usual_one_in_its_weights_only(architecture: str) -> None:
    model = random_model(_tiny_config(architecture), torch.float32, CPU)
    usual = AutoModelForCausalLM.from_config(_tiny_config(architecture)).eval()
    assert dict(model.named_parameters()).keys() == dict(usual.named_parameters()).keys()
    buffers = dict(model.named_buffers())
    for name, buffer in usual.named_buffers():
        assert torch.equal(buffers.pop(name), buffer), name
    assert not buffers
    usual.load_state_dict(model.state_dict())
    tokens = torch.arange(20).reshape(2, 10) % VOCAB
    assert torch.equal(model(tokens).logits, usual(tokens).logits)


@pytest.mark.parametrize("architecture", BUILDERS)
def test_norms_are_one_and_biases_zero(architecture: str) -> None:
    model = random_model(_tiny_config(architecture), torch.float32, CPU)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            assert (parameter == float(name.endswith("weight"))).all(), name
        else:
            assert 0.01 < parameter.std() < 0.03, name


def test_rotary_frequencies_stay_in_float32() -> None:
    model = random_model(_tiny_config("gpt_neox_parallel"), torch.bfloat16, CPU)
    dtypes = {name.rsplit(".", 1)[-1]: buffer.dtype for name, buffer in model.named_buffers()}
    assert dtypes["inv_freq"] == torch.float32
    assert model.dtype == torch.bfloat16
