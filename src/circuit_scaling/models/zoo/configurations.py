"""The architectures of both studies in miniature, randomly initialised."""

from __future__ import annotations

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
from circuit_scaling.models.zoo.settings import Shape

POSITIONS = 64
_POSITIONS_OF_READERS = 512
_GELU = "gelu_pytorch_tanh"  # what GPT-2 and GPT-Neo compute, in one fused operation
_HEADS_PER_KEY = 4  # of a group that shares keys and values, as in Llama 3 8B
_LOCAL_WINDOW = 8  # shorter than the prompts, so that GPT-Neo's local layers are really local


def build_model(shape: Shape, entry: RosterEntry, vocabulary: int) -> PreTrainedModel:
    """A model of the given architecture with the layers and heads of its roster entry.

    Weights are drawn from torch's global generator; dropout is off, as the data never repeats.
    """
    d_model = shape.d_head * entry.n_heads
    common: dict[str, Any] = {
        "vocab_size": vocabulary,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": None,
        "use_cache": False,
    }
    if shape.architecture == "gpt2":
        return GPT2LMHeadModel(
            GPT2Config(
                n_embd=d_model,
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
    if shape.architecture == "gpt_neox":
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
    if shape.architecture == "llama":
        width = shape.d_model or d_model
        return LlamaForCausalLM(
            LlamaConfig(
                hidden_size=width,
                num_hidden_layers=entry.n_layers,
                num_attention_heads=entry.n_heads,
                num_key_value_heads=entry.n_heads // _HEADS_PER_KEY,
                head_dim=shape.d_head,
                intermediate_size=2 * width,
                max_position_embeddings=_POSITIONS_OF_READERS,
                rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
                tie_word_embeddings=True,
                **common,
            )
        )
    if shape.architecture == "opt":
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
    return GPTNeoForCausalLM(
        GPTNeoConfig(
            hidden_size=d_model,
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
