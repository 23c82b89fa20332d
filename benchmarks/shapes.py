"""The checkpoints of the study as random models of their true shapes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoConfig,
    GPTNeoXConfig,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.initialization import no_init_weights

WEIGHT_STD = 0.02


def _gpt2(layers: int, heads: int, width: int) -> PreTrainedConfig:
    return GPT2Config(n_layer=layers, n_head=heads, n_embd=width, n_positions=1024)


def pythia(layers: int, heads: int, width: int) -> PreTrainedConfig:
    """A GPT-NeoX as the Pythia suite has them."""
    return GPTNeoXConfig(
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_size=width,
        intermediate_size=4 * width,
        vocab_size=50304,
        max_position_embeddings=2048,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 10000.0,
            "partial_rotary_factor": 0.25,
        },
        use_parallel_residual=True,
        tie_word_embeddings=False,
    )


def _opt(layers: int, heads: int, width: int) -> PreTrainedConfig:
    return OPTConfig(
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_size=width,
        ffn_dim=4 * width,
        word_embed_proj_dim=width,
        vocab_size=50272,
        max_position_embeddings=2048,
    )


def _opt_350m() -> PreTrainedConfig:
    """The one OPT with its norms after the residual and a narrower embedding."""
    config = _opt(24, 16, 1024)
    config.word_embed_proj_dim = 512
    config.do_layer_norm_before = False
    return config


def _gpt_neo(layers: int, heads: int, width: int) -> PreTrainedConfig:
    return GPTNeoConfig(
        num_layers=layers,
        num_heads=heads,
        hidden_size=width,
        vocab_size=50257,
        max_position_embeddings=2048,
        window_size=256,
        attention_types=[[["global", "local"], layers // 2]],
    )


STUDY: dict[str, Callable[[], PreTrainedConfig]] = {
    "gpt2": lambda: _gpt2(12, 12, 768),
    "gpt2_medium": lambda: _gpt2(24, 16, 1024),
    "gpt2_large": lambda: _gpt2(36, 20, 1280),
    "gpt2_xl": lambda: _gpt2(48, 25, 1600),
    "pythia_70m": lambda: pythia(6, 8, 512),
    "pythia_160m": lambda: pythia(12, 12, 768),
    "pythia_410m": lambda: pythia(24, 16, 1024),
    "pythia_1b": lambda: pythia(16, 8, 2048),
    "pythia_1_4b": lambda: pythia(24, 16, 2048),
    "pythia_2_8b": lambda: pythia(32, 32, 2560),
    "opt_125m": lambda: _opt(12, 12, 768),
    "opt_350m": _opt_350m,
    "opt_1_3b": lambda: _opt(24, 32, 2048),
    "opt_2_7b": lambda: _opt(32, 32, 2560),
    "gpt_neo_125m": lambda: _gpt_neo(12, 12, 768),
    "gpt_neo_1_3b": lambda: _gpt_neo(24, 16, 2048),
    "gpt_neo_2_7b": lambda: _gpt_neo(32, 20, 2560),
}


def small_gpt2(layers: int, heads: int, width: int, positions: int = 64) -> PreTrainedConfig:
    """A GPT-2 of any shape with a small vocabulary: for cost curves and for trying a script."""
    return GPT2Config(
        n_layer=layers,
        n_head=heads,
        n_embd=width,
        n_positions=positions,
        vocab_size=512,
        bos_token_id=0,
        eos_token_id=0,
    )


def config_of(shape: str) -> PreTrainedConfig:
    """The configuration of a slug of the study, or of ``tiny``."""
    return small_gpt2(3, 4, 32) if shape == "tiny" else STUDY[shape]()


def meta_model(config: PreTrainedConfig) -> PreTrainedModel:
    """The model without memory for its weights: for counting."""
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return model


@torch.no_grad()
def random_model(
    config: PreTrainedConfig, dtype: torch.dtype, device: torch.device, seed: int = 0
) -> PreTrainedModel:
    """The model with seeded random weights, drawn on the device, in evaluation mode.

    Matrices are normal with a standard deviation of 0.02, norms are 1 and biases 0, as Hugging
    Face draws them. Its own slow initialisation is skipped; buffers are computed as always.
    """
    with torch.device(device), no_init_weights():
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model.tie_weights()
    generator = torch.Generator(device).manual_seed(seed)
    biases = {id(module.bias) for module in model.modules() if hasattr(module, "bias")}
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.normal_(std=WEIGHT_STD, generator=generator)
        else:
            nn.init.constant_(parameter, 0.0 if id(parameter) in biases else 1.0)
    return model.eval()
