"""A random Llama of the shape of the embedded one, saved with a tokenizer that can say filings."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from circuit_scaling.models.roster import RosterEntry
from tests.helpers.filings import small_tokenizer
from tests.helpers.tiny_models import randomise_

LAYERS, HEADS, GROUPS, WIDTH = 4, 16, 4, 128
_LIKING = 2.5


def random_llama(
    folder: Path,
    layers: int = LAYERS,
    heads: int = HEADS,
    context: int = 512,
    likes: Collection[int] = (),
    seed: int = 0,
) -> RosterEntry:
    """Save it, and say what a roster would say of it.

    Args:
        likes: tokens that the model gives more often than others.
    """
    tokenizer = small_tokenizer()
    torch.manual_seed(seed)
    config = LlamaConfig(
        hidden_size=WIDTH,
        intermediate_size=3 * WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=GROUPS,
        vocab_size=len(tokenizer),
        max_position_embeddings=512,
        bos_token_id=0,
        eos_token_id=0,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    randomise_(model, seed)
    with torch.no_grad():
        model.lm_head.weight[list(likes)] *= _LIKING
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return RosterEntry(
        slug="random_llama",
        family="llama",
        folder=str(folder),
        params_m=1.0,
        n_layers=layers,
        n_heads=heads,
        untrained=True,
    )
