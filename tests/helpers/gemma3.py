"""A tiny Gemma 3 with random weights: grouped queries, and window layers around a global one."""

from __future__ import annotations

from transformers import Gemma3ForCausalLM, Gemma3TextConfig, PreTrainedModel

from tests.helpers.tiny_models import (
    CONTEXT,
    HEADS,
    LAYERS,
    LOCAL_WINDOW,
    VOCAB,
    WIDTH,
    randomise_,
)


def sliding_gemma3() -> PreTrainedModel:
    """In evaluation mode; its window is shorter than its context."""
    config = Gemma3TextConfig(
        vocab_size=VOCAB,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2,
        head_dim=WIDTH // HEADS,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=CONTEXT,
        sliding_window=LOCAL_WINDOW,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        query_pre_attn_scalar=WIDTH // HEADS,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=None,
        architectures=["Gemma3ForCausalLM"],
    )
    model = Gemma3ForCausalLM(config)
    randomise_(model, 0)
    return model.eval()
