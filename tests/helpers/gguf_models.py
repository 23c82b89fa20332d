"""A tiny Llama with random weights in one GGUF file, tokenizer and all, as llama.cpp has it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize
from tokenizers import ByteLevelBPETokenizer

from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.words import categories, word_list

LAYERS, HEADS, KV_HEADS, D_MODEL, D_MLP, CONTEXT = 2, 4, 2, 64, 96, 64
SPECIAL = ("<unk>", "<s>", "</s>")


@cache
def _tokenizer() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tokens and merges of a byte-level BPE in which the words of the tasks are tokens."""
    import json

    words = [word for name in ("names", "places", "objects") for word in word_list(name)]
    words += [item for items in categories().values() for item in items]
    texts = [f" {word}" for word in words]
    texts += [text for spec in shipped_tasks().root.values() for text in spec.templates]
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(texts * 3, vocab_size=3000, min_frequency=1, show_progress=False)
    model = json.loads(trained.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    merges = tuple(m if isinstance(m, str) else " ".join(m) for m in model["merges"])
    return (*SPECIAL, *tokens), merges


def write_gguf(
    file: Path,
    *,
    architecture: str = "llama",
    quantised: bool = True,
    tokenizer: bool = True,
    adds_bos: bool | None = None,
    left_out: str = "",
    seed: int = 0,
) -> Path:
    """Write the model; ``left_out`` is a tensor that is not written."""
    rng = np.random.default_rng(seed)
    tokens, merges = _tokenizer()
    writer = GGUFWriter(str(file), architecture)
    writer.add_name("tiny")
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(D_MODEL)
    writer.add_feed_forward_length(D_MLP)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(D_MODEL // HEADS)
    writer.add_vocab_size(len(tokens))
    if tokenizer:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(list(tokens))
        writer.add_token_types([3] * len(SPECIAL) + [1] * (len(tokens) - len(SPECIAL)))
        writer.add_token_merges(list(merges))
        writer.add_unk_token_id(0)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        if adds_bos is not None:
            writer.add_add_bos_token(adds_bos)
    width = D_MODEL // HEADS * KV_HEADS
    shapes = {"token_embd": (len(tokens), D_MODEL), "output_norm": (D_MODEL,)}
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.{name}": shape
            for name, shape in {
                "attn_norm": (D_MODEL,),
                "attn_q": (D_MODEL, D_MODEL),
                "attn_k": (width, D_MODEL),
                "attn_v": (width, D_MODEL),
                "attn_output": (D_MODEL, D_MODEL),
                "ffn_norm": (D_MODEL,),
                "ffn_gate": (D_MLP, D_MODEL),
                "ffn_up": (D_MLP, D_MODEL),
                "ffn_down": (D_MODEL, D_MLP),
            }.items()
        }
    for name, shape in shapes.items():
        if name == left_out:
            continue
        values = rng.normal(0, 0.1, shape).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(f"{name}.weight", np.ones(shape, np.float32))
        elif quantised:
            kind = GGMLQuantizationType.Q4_1
            writer.add_tensor(f"{name}.weight", quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(f"{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
