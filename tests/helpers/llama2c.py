"""Turn a llama2.c checkpoint (legacy version-0 layout) into a local Hugging Face Llama folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

_HEADER_INTS = 7


def convert_llama2c(checkpoint: Path, config_file: Path, tokenizer: Path, target: Path) -> Path:
    """Write `target` as a folder for `from_pretrained` and return it.

    `tokenizer` is the SentencePiece model. Raises ValueError where the header does not fit the
    configuration or floats are left over.
    """
    config = LlamaConfig(**json.loads(config_file.read_text()))
    weights = _read_weights(checkpoint, config)
    model = LlamaForCausalLM(config)
    model.load_state_dict(weights)
    model.save_pretrained(target)
    shutil.copyfile(tokenizer, target / "tokenizer.model")
    (target / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "legacy": True})
    )
    return target


def _read_weights(checkpoint: Path, config: LlamaConfig) -> dict[str, Tensor]:
    raw = checkpoint.read_bytes()
    header = np.frombuffer(raw, dtype="<i4", count=_HEADER_INTS).tolist()
    width, hidden, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    heads, groups = config.num_attention_heads, config.num_key_value_heads
    expected = [width, hidden, layers, heads, groups, config.vocab_size]
    # A positive vocabulary size in the header says that the unembedding is tied.
    if header[:6] != expected:
        raise ValueError(f"{checkpoint.name}: header {header[:6]} is not the configured {expected}")
    floats = _Reader(np.frombuffer(raw, dtype="<f4", offset=4 * _HEADER_INTS))
    head_dim = width // heads

    embedding = floats.take(config.vocab_size, width)
    stacked = {
        "input_layernorm": floats.take(layers, width),
        "self_attn.q_proj": floats.take(layers, heads * head_dim, width),
        "self_attn.k_proj": floats.take(layers, groups * head_dim, width),
        "self_attn.v_proj": floats.take(layers, groups * head_dim, width),
        "self_attn.o_proj": floats.take(layers, width, heads * head_dim),
        "post_attention_layernorm": floats.take(layers, width),
        "mlp.gate_proj": floats.take(layers, hidden, width),
        "mlp.down_proj": floats.take(layers, width, hidden),
        "mlp.up_proj": floats.take(layers, hidden, width),
    }
    final_norm = floats.take(width)
    positions = header[6]
    floats.take(2, positions, head_dim // 2)  # cosines and sines, recomputed by the model
    floats.finish(checkpoint.name)

    weights = {
        "model.embed_tokens.weight": embedding,
        "lm_head.weight": embedding,
        "model.norm.weight": final_norm,
    }
    for name, values in stacked.items():
        for layer in range(layers):
            value = values[layer]
            if name in ("self_attn.q_proj", "self_attn.k_proj"):
                value = _halves_from_pairs(value, head_dim)
            weights[f"model.layers.{layer}.{name}.weight"] = value
    return weights


def _halves_from_pairs(weight: Tensor, head_dim: int) -> Tensor:
    """Reorder a projection's rows per head from rotary pairs (0, 1), (2, 3) ... to two halves.

    llama2.c rotates neighbouring dimensions, Hugging Face dimension i with i + head_dim / 2.
    """
    rows, width = weight.shape
    pairs = weight.view(rows // head_dim, head_dim // 2, 2, width)
    return pairs.transpose(1, 2).reshape(rows, width)


class _Reader:
    """Takes tensors one after the other from a flat array of floats."""

    def __init__(self, floats: NDArray[np.float32]) -> None:
        self._floats = floats
        self._position = 0

    def take(self, *shape: int) -> Tensor:
        """The next tensor of this shape, as a copy."""
        count = int(np.prod(shape))
        values = self._floats[self._position : self._position + count]
        if len(values) < count:
            raise ValueError(f"checkpoint ends early: {shape} wanted, {len(values)} floats left")
        self._position += count
        return torch.from_numpy(values.astype(np.float32).reshape(shape))

    def finish(self, name: str) -> None:
        """Refuse floats that nothing has claimed."""
        left = len(self._floats) - self._position
        if left:
            raise ValueError(f"{name}: {left} floats left over")
