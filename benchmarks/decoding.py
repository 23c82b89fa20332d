"""Decoding under sets of ablated heads: the engine against one hooked ``generate`` per set.

Both zero the same random sets of the same random Llama in the prompt and in every step, and decode
greedily. They alternate over groups of sets, so that a machine that slows down slows both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import LlamaConfig, PreTrainedModel

from benchmarks.measuring import (
    PRECISIONS,
    Precision,
    Result,
    device_of,
    keep,
    multiplying_in,
    now,
    parser_of,
    weights_dtype,
)
from benchmarks.shapes import random_model
from circuit_scaling.interventions.model.memory import peak_memory, reset_peak
from circuit_scaling.interventions.operations.decode import decode_sets
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.models.architecture import anatomy_of

# Layers, heads, key-value heads, width, width of the MLP, vocabulary.
SHAPES = {
    "tiny": (3, 4, 2, 32, 64, 512),
    "smollm2_135m": (30, 9, 3, 576, 1536, 49152),
    "llama_3_8b": (32, 32, 8, 4096, 14336, 128256),
}


def llama_of(shape: str, layers: int | None, positions: int) -> LlamaConfig:
    """The configuration, with fewer layers if wanted, and without an end of sequence."""
    n_layers, heads, groups, width, mlp, vocabulary = SHAPES[shape]
    return LlamaConfig(
        num_hidden_layers=layers or n_layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        hidden_size=width,
        intermediate_size=mlp,
        vocab_size=vocabulary,
        max_position_embeddings=positions,
        bos_token_id=None,
        eos_token_id=None,
    )


def random_sets(config: LlamaConfig, n_sets: int, k: int, lowest: int) -> list[list[Head]]:
    """Sets of ``k`` heads of the layers from ``lowest`` on."""
    layers = range(lowest, config.num_hidden_layers)
    heads = [(layer, head) for layer in layers for head in range(config.num_attention_heads)]
    rng = np.random.default_rng(0)
    return [[heads[i] for i in sorted(rng.permutation(len(heads))[:k])] for _ in range(n_sets)]


@contextmanager
def zeroed(model: PreTrainedModel, heads: list[Head]) -> Iterator[None]:
    """For a while, ``heads`` give zero, by a hook on each output projection."""
    width = model.config.hidden_size // model.config.num_attention_heads

    def hook_of(columns: torch.Tensor) -> Any:
        def zero(_module: nn.Module, args: Any) -> Any:
            z = args[0].clone()
            z[..., columns] = 0.0
            return (z, *args[1:])

        return zero

    with ExitStack() as hooks:
        for layer in {layer for layer, _ in heads}:
            of_layer = torch.tensor([head for at, head in heads if at == layer])
            columns = (of_layer[:, None] * width + torch.arange(width)).flatten()
            projection = model.model.layers[layer].self_attn.o_proj
            hook = hook_of(columns.to(model.device))
            hooks.callback(projection.register_forward_pre_hook(hook).remove)
        yield


def hooked_generate(
    model: PreTrainedModel, tokens: NDArray[np.int64], heads: list[Head], new: int
) -> NDArray[np.int64]:
    """New tokens [prompts, new] of one run of ``generate`` in which ``heads`` give zero."""
    ids = torch.from_numpy(tokens).to(model.device)
    asked = {"attention_mask": torch.ones_like(ids), "do_sample": False, "max_new_tokens": new}
    with zeroed(model, heads):
        made = model.generate(ids, **asked)
    found: NDArray[np.int64] = made[:, tokens.shape[1] :].cpu().numpy()
    return found


@torch.no_grad()
def decoding_against_generate(
    config: LlamaConfig,
    tokens: NDArray[np.int64],
    new: int,
    sets: list[list[Head]],
    precision: Precision,
    device: torch.device,
    groups: int = 2,
) -> Result:
    """Seconds of both roads, their ratio, the engine's peak memory, and how many tokens agree."""
    model = random_model(config, weights_dtype(precision), device)
    seconds = {"engine": 0.0, "generate": 0.0}
    same, peak = [], 0
    nothing: list[list[int]] = [[] for _ in tokens]
    with multiplying_in(precision, device):
        anatomy = anatomy_of(model)
        chunk = Chunk.of(anatomy)
        decode_sets(anatomy, tokens[:1], sets[:1], 2, nothing[:1], chunk=chunk)  # the first call
        hooked_generate(model, tokens[:1], sets[0], 2)  # is slower
        for group in range(groups):
            reset_peak(device)
            start = now(device)
            found = decode_sets(anatomy, tokens, sets[group::groups], new, nothing, chunk=chunk)
            seconds["engine"] += now(device) - start
            peak = max(peak, peak_memory(device))
            start = now(device)
            hooked = [hooked_generate(model, tokens, chosen, new) for chosen in sets[group::groups]]
            seconds["generate"] += now(device) - start
            same.append(found.tokens == np.stack(hooked))
    return {
        "layers": config.num_hidden_layers,
        "prompts": len(tokens),
        "positions": tokens.shape[1],
        "new_tokens": new,
        "precision": precision,
        "sets": len(sets),
        "heads": len(sets[0]),
        "chunk_tokens": chunk.tokens,
        "seconds": seconds,
        "ratio": seconds["generate"] / seconds["engine"],
        "peak_memory_gb": peak / 1e9,
        "same_tokens": float(np.concatenate(same).mean()),
    }


def main() -> None:
    """Measure one shape."""
    parser = parser_of(__doc__)
    parser.add_argument(
        "--shape", default="smollm2_135m", choices=SHAPES, help="smollm2_135m, llama_3_8b, or tiny"
    )
    parser.add_argument("--layers", type=int, help="fewer than the shape has")
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--positions", type=int, default=256)
    parser.add_argument("--new", type=int, default=10, help="tokens to generate")
    parser.add_argument("--sets", type=int, default=8)
    parser.add_argument("--heads", type=int, default=5, help="heads per set")
    parser.add_argument("--lowest", type=int, default=0, help="the lowest layer of heads")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)
    options = parser.parse_args()
    device = device_of(options.device)
    config = llama_of(options.shape, options.layers, options.positions + options.new)
    sets = random_sets(config, options.sets, options.heads, options.lowest)
    rng = np.random.default_rng(0)
    tokens = rng.integers(config.vocab_size, size=(options.prompts, options.positions))
    result = decoding_against_generate(
        *(config, tokens, options.new, sets, options.precision, device)
    )
    shown = {"shape": options.shape, "lowest_layer": options.lowest, **result}
    keep(options.out, "decoding", device, shown)


if __name__ == "__main__":
    main()
