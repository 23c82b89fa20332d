"""Tiny random Hugging Face models of the supported architectures, and a tiny tokenizer for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
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
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from circuit_scaling.interventions.replay.pairs import Pairs
from tests.helpers.hook_oracle import Prompts

LAYERS = 3
HEADS = 4
WIDTH = 32
VOCAB = 61
CONTEXT = 32
# Shorter than every test prompt, so that a local layer really masks something.
LOCAL_WINDOW = 4

# Linear maps keep the scale of their input; embeddings and norms are of order one. Heads then
# move the logits by tenths, far above rounding, without turning attention into a step function.
_LINEAR_GAIN = 1.2
_BIAS_STD = 0.3
_NORM_STD = 0.3
_EMBEDDING_STD = 0.4


def randomise_(model: PreTrainedModel, seed: int) -> None:
    """Overwrite every parameter with seeded noise, so that no bias or norm is trivially 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    # Hugging Face's GPT-2 `Conv1D` stores [in, out], Linear [out, in]; both have two dimensions.
    transposed = {
        id(module.weight) for module in model.modules() if type(module).__name__ == "Conv1D"
    }
    embeddings = {
        id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)
    }
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1 and name.endswith("weight"):
                parameter.copy_(1.0 + _NORM_STD * noise)
            elif parameter.dim() == 1:
                parameter.copy_(_BIAS_STD * noise)
            elif id(parameter) in embeddings:
                parameter.copy_(_EMBEDDING_STD * noise)
            else:
                fan_in = parameter.shape[0 if id(parameter) in transposed else 1]
                parameter.copy_(_LINEAR_GAIN * fan_in**-0.5 * noise)


def _common(**overrides: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "vocab_size": VOCAB,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": None,
    }
    return settings | overrides


def _gpt2() -> PreTrainedModel:
    config = GPT2Config(**_common(n_layer=LAYERS, n_head=HEADS, n_embd=WIDTH, n_positions=CONTEXT))
    return GPT2LMHeadModel(config)


def _gpt_neox(parallel: bool) -> PreTrainedModel:
    config = GPTNeoXConfig(
        **_common(
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            max_position_embeddings=CONTEXT,
            rotary_pct=0.25,
            use_parallel_residual=parallel,
        )
    )
    return GPTNeoXForCausalLM(config)


def _opt(like_350m: bool) -> PreTrainedModel:
    config = OPTConfig(
        **_common(
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            hidden_size=WIDTH,
            ffn_dim=2 * WIDTH,
            max_position_embeddings=CONTEXT,
            do_layer_norm_before=not like_350m,
            word_embed_proj_dim=WIDTH // 2 if like_350m else WIDTH,
        )
    )
    return OPTForCausalLM(config)


def _gpt_neo() -> PreTrainedModel:
    config = GPTNeoConfig(
        **_common(
            num_layers=LAYERS,
            num_heads=HEADS,
            hidden_size=WIDTH,
            max_position_embeddings=CONTEXT,
            window_size=LOCAL_WINDOW,
            # global, local, global: the local layer is neither the first nor the last replayed.
            attention_types=[[["global", "local"], 1], [["global"], 1]],
        )
    )
    return GPTNeoForCausalLM(config)


def _grouped(config_class: Any, model_class: Any) -> PreTrainedModel:
    config = config_class(
        **_common(
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS // 2,
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=False,
        )
    )
    model: PreTrainedModel = model_class(config)
    return model


BUILDERS: dict[str, Callable[[], PreTrainedModel]] = {
    "gpt2": _gpt2,
    "gpt_neox_parallel": lambda: _gpt_neox(parallel=True),
    "gpt_neox_sequential": lambda: _gpt_neox(parallel=False),
    "opt": lambda: _opt(like_350m=False),
    "opt_350m": lambda: _opt(like_350m=True),
    "gpt_neo": _gpt_neo,
    "llama_grouped": lambda: _grouped(LlamaConfig, LlamaForCausalLM),
    "qwen2_grouped": lambda: _grouped(Qwen2Config, Qwen2ForCausalLM),
}
ARCHITECTURES = tuple(BUILDERS)


def tiny_model(architecture: str, seed: int = 0) -> PreTrainedModel:
    """Return a seeded float32 model in evaluation mode: 3 layers, 4 heads, width 32, 61 tokens."""
    model = BUILDERS[architecture]()
    randomise_(model, seed)
    return model.eval()


def tiny_tokenizer(folder: Path, vocab_size: int = VOCAB) -> PreTrainedTokenizerFast:
    """Return a word-level tokenizer `w0 .. w<n-1>`, saved to `folder` and read back from it.

    TransformerBridge only takes tokenizers that came from `from_pretrained`.
    """
    vocabulary = {f"w{index}": index for index in range(vocab_size)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="w0", bos_token="w0", eos_token="w0", pad_token="w0"
    ).save_pretrained(folder)
    loaded: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    return loaded


def tiny_prompts(model: PreTrainedModel, seed: int = 1, positions: int = 9) -> Prompts:
    """Return 5 random prompts in two groups, with ragged targets and 7 reference prompts.

    Targets are among the six tokens that `model` ranks first, so that ablations change which
    candidate wins. Each group has one reference that is the same text as one of its prompts.
    """
    rng = np.random.default_rng(seed)
    groups = np.array([0, 0, 1, 1, 0])
    reference_groups = np.array([1, 0, 0, 1, 0, 1, 0])
    tokens = rng.integers(1, VOCAB, size=(len(groups), positions))
    references = rng.integers(1, VOCAB, size=(len(reference_groups), positions))
    references[2] = tokens[1]
    references[3] = tokens[2]
    with torch.no_grad():
        logits = model(torch.as_tensor(tokens)).logits[:, -1]
    names = [rng.permutation(row).tolist() for row in logits.topk(6).indices.numpy()]
    return Prompts(
        tokens=tokens,
        answers=[row[: 1 + index % 2] for index, row in enumerate(names)],
        distractors=[row[2 : 3 + index % 3] for index, row in enumerate(names)],
        candidates=[row[: 5 + index % 2] for index, row in enumerate(names)],
        groups=groups,
        reference_tokens=references,
        reference_groups=reference_groups,
    )


def tiny_pairs(prompts: Prompts) -> Pairs:
    """The prompts and corrupt versions: two tokens replaced, in one pair the last, in one none.

    The first pair begins with another token, so that no part of it is shared.
    """
    corrupt = prompts.tokens.copy()
    last = corrupt.shape[1] - 1
    for row, changed in enumerate([(0, 4), (2, 5), (1, last), (3, 6), ()]):
        for position in changed:
            corrupt[row, position] = corrupt[row, position] % (VOCAB - 1) + 1
    return Pairs(prompts.tokens, corrupt, prompts.answers, prompts.distractors)
