"""Tiny random models of further families, each with a part that a simple replay would miss."""

from __future__ import annotations

from typing import Any

import transformers
from transformers import PreTrainedModel

from tests.helpers.tiny_models import CONTEXT, HEADS, LOCAL_WINDOW, VOCAB, WIDTH, randomise_

_LAYERS = 2
_LLAMA_LIKE: dict[str, Any] = {
    "num_hidden_layers": _LAYERS,
    "num_attention_heads": HEADS,
    "hidden_size": WIDTH,
    "intermediate_size": 2 * WIDTH,
    "max_position_embeddings": CONTEXT,
}
_OPT_LIKE: dict[str, Any] = {
    "num_hidden_layers": _LAYERS,
    "num_attention_heads": HEADS,
    "hidden_size": WIDTH,
    "ffn_dim": 2 * WIDTH,
    "max_position_embeddings": CONTEXT,
}
_GROUPED = _LLAMA_LIKE | {"num_key_value_heads": HEADS // 2}

# Configuration class, model class and what is special, by the name of the part at stake.
_FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "gptj_parallel_with_unembedding_bias": (
        "GPTJConfig",
        "GPTJForCausalLM",
        {
            "n_layer": _LAYERS,
            "n_head": HEADS,
            "n_embd": WIDTH,
            "n_positions": CONTEXT,
            "rotary_dim": 4,
            "tie_word_embeddings": False,
        },
    ),
    "phi_parallel_with_unembedding_bias": ("PhiConfig", "PhiForCausalLM", _LLAMA_LIKE),
    "cohere_parallel_with_logit_scale": (
        "CohereConfig",
        "CohereForCausalLM",
        _GROUPED | {"logit_scale": 0.5},
    ),
    "granite_residual_multiplier_and_logit_scale": (
        "GraniteConfig",
        "GraniteForCausalLM",
        _GROUPED | {"residual_multiplier": 0.5, "logits_scaling": 2.0, "embedding_multiplier": 3.0},
    ),
    "gemma2_softcap_and_norm_after_attention": (
        "Gemma2Config",
        "Gemma2ForCausalLM",
        _GROUPED
        | {
            "head_dim": WIDTH // HEADS,
            "sliding_window": LOCAL_WINDOW,
            "final_logit_softcapping": 3.0,
            "attn_logit_softcapping": 5.0,
        },
    ),
    "gemma_wide_heads_and_scaled_embedding": (
        "GemmaConfig",
        "GemmaForCausalLM",
        _GROUPED | {"head_dim": 2 * WIDTH // HEADS},
    ),
    "olmo2_norm_after_attention": ("Olmo2Config", "Olmo2ForCausalLM", _GROUPED),
    "qwen3_normed_queries_and_wide_heads": (
        "Qwen3Config",
        "Qwen3ForCausalLM",
        _GROUPED | {"head_dim": 2 * WIDTH // HEADS},
    ),
    "mistral_sliding_window": (
        "MistralConfig",
        "MistralForCausalLM",
        _GROUPED | {"sliding_window": LOCAL_WINDOW},
    ),
    "falcon_parallel_multi_query": (
        "FalconConfig",
        "FalconForCausalLM",
        {
            "num_hidden_layers": _LAYERS,
            "num_attention_heads": HEADS,
            "hidden_size": WIDTH,
            "multi_query": True,
            "parallel_attn": True,
            "new_decoder_architecture": False,
            "bias": True,
        },
    ),
    "bloom_alibi_and_embedding_norm": (
        "BloomConfig",
        "BloomForCausalLM",
        {"n_layer": _LAYERS, "n_head": HEADS, "hidden_size": WIDTH},
    ),
    "stablelm_parallel": (
        "StableLmConfig",
        "StableLmForCausalLM",
        _GROUPED | {"use_parallel_residual": True},
    ),
    "mixtral_experts": (
        "MixtralConfig",
        "MixtralForCausalLM",
        _GROUPED | {"num_local_experts": 4, "num_experts_per_tok": 2},
    ),
    "opt_norm_before_with_projections": (
        "OPTConfig",
        "OPTForCausalLM",
        _OPT_LIKE | {"word_embed_proj_dim": WIDTH // 2},
    ),
    "ctrl_unknown_to_the_bridge": (
        "CTRLConfig",
        "CTRLLMHeadModel",
        {"n_layer": _LAYERS, "n_head": HEADS, "n_embd": WIDTH, "n_positions": CONTEXT},
    ),
}
OTHER_FAMILIES = tuple(_FAMILIES)
# Prompts whose best candidates are far enough apart to rank, where the usual ones are not.
PROMPT_SEEDS = {"gemma2_softcap_and_norm_after_attention": 2, "mistral_sliding_window": 2}
# Bloom adds the residual inside its attention; the bridge has no names for the parts of CTRL; the
# last is no published checkpoint. Being exact instead of refused is always welcome.
REFUSED = (
    "bloom_alibi_and_embedding_norm",
    "ctrl_unknown_to_the_bridge",
    "opt_norm_before_with_projections",
)


def other_model(family: str, seed: int = 0) -> PreTrainedModel:
    """Return a seeded float32 model in evaluation mode: 2 layers, 4 heads, width 32, 61 tokens."""
    config_class, model_class, settings = _FAMILIES[family]
    config = getattr(transformers, config_class)(
        vocab_size=VOCAB,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=None,
        architectures=[model_class],  # as in every saved checkpoint; the bridge looks here
        **settings,
    )
    model: PreTrainedModel = getattr(transformers, model_class)(config)
    randomise_(model, seed)
    return model.eval()
