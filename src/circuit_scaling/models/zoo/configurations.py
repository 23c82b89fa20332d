"""The architectures of both studies in miniature, randomly initialised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoConfig,
    GPTNeoForCausalLM,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
)

from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.zoo.settings import Architecture, Shape

POSITIONS = 64
_POSITIONS_OF_READERS = 512
_GELU = "gelu_pytorch_tanh"  # what GPT-2 and GPT-Neo compute, in one fused operation
_HEADS_PER_KEY = 4  # of a group that shares keys and values, as in Llama 3 8B
_LOCAL_WINDOW = 8  # shorter than the prompts, so that GPT-Neo's local layers are really local


def build_model(shape: Shape, entry: RosterEntry, vocabulary: int) -> PreTrainedModel:
    """A model of the given architecture with the layers and heads of its roster entry.

    Weights are drawn from torch's global generator; dropout is off, as the data never repeats.
    """
    return _BUILDERS[shape.architecture](
        shape,
        entry,
        {
            "vocab_size": vocabulary,
            "bos_token_id": 0,
            "eos_token_id": 0,
            "pad_token_id": None,
            "use_cache": False,
        },
    )


def _width(shape: Shape, entry: RosterEntry) -> int:
    """The width of all heads together, which is that of the residual but in a Llama."""
    return shape.d_head * entry.n_heads


def _gpt2(shape: Shape, entry: RosterEntry, common: dict[str, Any]) -> PreTrainedModel:
    return GPT2LMHeadModel(
        GPT2Config(
            n_embd=_width(shape, entry),
            n_layer=entry.n_layers,
            n_head=entry.n_heads,
            n_positions=POSITIONS,
            activation_function=_GELU,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            **common,
        )
    )


def _gpt_neox(shape: Shape, entry: RosterEntry, common: dict[str, Any]) -> PreTrainedModel:
    d_model = _width(shape, entry)
    return GPTNeoXForCausalLM(
        GPTNeoXConfig(
            hidden_size=d_model,
            num_hidden_layers=entry.n_layers,
            num_attention_heads=entry.n_heads,
            intermediate_size=4 * d_model,
            max_position_embeddings=POSITIONS,
            rope_parameters={
                "rope_type": "default",
                "rope_theta": 10000.0,
                "partial_rotary_factor": 1.0,  # a quarter of so small a head is nothing
            },
            **common,
        )
    )


def _llama(shape: Shape, entry: RosterEntry, common: dict[str, Any]) -> PreTrainedModel:
    d_model = shape.d_model or _width(shape, entry)
    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=d_model,
            num_hidden_layers=entry.n_layers,
            num_attention_heads=entry.n_heads,
            num_key_value_heads=entry.n_heads // _HEADS_PER_KEY,
            head_dim=shape.d_head,
            intermediate_size=2 * d_model,
            max_position_embeddings=_POSITIONS_OF_READERS,
            rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
            tie_word_embeddings=True,
            **common,
        )
    )


def _opt(shape: Shape, entry: RosterEntry, common: dict[str, Any]) -> PreTrainedModel:
    d_model = _width(shape, entry)
    return OPTForCausalLM(
        OPTConfig(
            hidden_size=d_model,
            word_embed_proj_dim=d_model,
            num_hidden_layers=entry.n_layers,
            num_attention_heads=entry.n_heads,
            ffn_dim=4 * d_model,
            max_position_embeddings=POSITIONS,
            dropout=0.0,
            attention_dropout=0.0,
            **common,
        )
    )


def _gpt_neo(shape: Shape, entry: RosterEntry, common: dict[str, Any]) -> PreTrainedModel:
    return GPTNeoForCausalLM(
        GPTNeoConfig(
            hidden_size=_width(shape, entry),
            num_layers=entry.n_layers,
            num_heads=entry.n_heads,
            attention_types=[[["global", "local"], entry.n_layers // 2]],
            window_size=_LOCAL_WINDOW,
            activation_function=_GELU,
            max_position_embeddings=POSITIONS,
            resid_dropout=0.0,
            embed_dropout=0.0,
            attention_dropout=0.0,
            **common,
        )
    )


_BUILDERS: dict[Architecture, Callable[[Shape, RosterEntry, dict[str, Any]], PreTrainedModel]] = {
    "gpt2": _gpt2,
    "gpt_neox": _gpt_neox,
    "llama": _llama,
    "opt": _opt,
    "gpt_neo": _gpt_neo,
}
