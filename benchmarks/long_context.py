"""Attention rows of long prompts: peak memory and seconds, against eager attention that keeps all.

    python -m benchmarks.long_context --precision bf16

A random model of the shape of Llama-3-8B with few layers reads one prompt. Attention from its last
tokens to all is taken as the detection of retrieval heads takes it (``Reading``: behind a key-value
cache, from which answers are decoded), without a cache (``attention_rows``), neither of which forms
a pattern, and from the patterns of ``output_attentions=True`` under eager attention; on the same
weights, in turn. The vocabulary is small, so that logits do not hide what attention costs. Eager
attention is left out where its patterns would not fit the free memory.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LlamaConfig, PreTrainedConfig

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
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.memory import (
    default_budget,
    peak_memory,
    release,
    reset_peak,
)
from circuit_scaling.interventions.operations.attention_rows import attention_rows
from circuit_scaling.interventions.operations.reading import Reading
from circuit_scaling.models.architecture import anatomy_of

LENGTHS = (1024, 2048, 4096, 8192)
_QUERIES = 24  # about as many tokens as a question has
_EAGER_COPIES = 4  # of one layer's pattern: scores, mask added, softmax, rounded
_SHAPES = ("llama_8b", "tiny")

Values = NDArray[np.float32]


def _config(shape: str, layers: int, positions: int) -> PreTrainedConfig:
    width, heads, groups, mlp = (4096, 32, 8, 14336) if shape == "llama_8b" else (64, 8, 2, 128)
    return LlamaConfig(
        hidden_size=width,
        intermediate_size=mlp,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        vocab_size=512,
        max_position_embeddings=positions,
        rope_parameters={"rope_type": "default", "rope_theta": 500000.0},
        bos_token_id=0,
        eos_token_id=0,
    )


def long_context(
    shape: str,
    layers: int,
    lengths: Sequence[int],
    repeats: int,
    precision: Precision,
    device: torch.device,
) -> Result:
    """All roads at every length; ``peak`` is above what was held before, in GB."""
    config = _config(shape, layers, max(lengths))
    model = random_model(config, weights_dtype(precision), device)
    with multiplying_in(precision, device):
        anatomy = anatomy_of(model)
        points = [_point(anatomy, positions, repeats, device) for positions in lengths]
    return {
        "shape": shape,
        "layers": layers,
        "heads": layers * anatomy.n_heads,
        "queries": _QUERIES,
        "repeats": repeats,
        "precision": precision,
        "weights_gb": sum(p.numel() * p.element_size() for p in model.parameters()) / 1e9,
        "points": points,
    }


def _point(anatomy: Anatomy, positions: int, repeats: int, device: torch.device) -> Result:
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, anatomy.vocabulary, (1, positions))
    queries = range(positions - _QUERIES, positions)
    roads: dict[str, Callable[[], Values]] = {
        "reading": lambda: _by_reading(anatomy, tokens, queries),
        "rows": lambda: _by_rows(anatomy, tokens, queries),
    }
    if _eager_bytes(anatomy, positions) < default_budget(device):
        roads["eager"] = lambda: _by_eager(anatomy, tokens, queries)
    seconds: dict[str, list[float]] = {road: [] for road in roads}
    peaks: dict[str, float] = {}
    found: dict[str, Values] = {}
    for _ in range(repeats):
        for road, run in roads.items():
            release(device)
            reset_peak(device)
            held = peak_memory(device)
            start = now(device)
            found[road] = run()
            seconds[road].append(now(device) - start)
            peaks[road] = max(peaks.get(road, 0.0), (peak_memory(device) - held) / 1e9)
    medians = {road: statistics.median(taken) for road, taken in seconds.items()}
    point: Result = {"positions": positions, "seconds": medians, "peak_gb": peaks}
    if "eager" in roads:
        point["ratio"] = medians["eager"] / medians["reading"]
        point["peak_ratio"] = peaks["eager"] / max(peaks["reading"], 1e-9)
        point["largest_difference"] = max(
            float(np.abs(found["eager"] - found[road]).max()) for road in ("reading", "rows")
        )
    return point


def _eager_bytes(anatomy: Anatomy, positions: int) -> int:
    """What eager attention holds: the patterns of all layers, and one layer's on the way."""
    pattern = anatomy.n_heads * positions**2
    return pattern * (anatomy.n_layers * anatomy.dtype.itemsize + _EAGER_COPIES * 4)


def _by_reading(anatomy: Anatomy, tokens: NDArray[np.int64], queries: range) -> Values:
    """The mean row of the queries, [layers, n_heads, pos], behind a cache of what precedes them."""
    reading, found = Reading(anatomy), list[Values]()
    reading.read(tokens[:, : queries.start])
    reading.look(tokens[:, queries.start :], lambda _, rows: found.append(rows[0].mean(axis=1)))
    return np.stack(found)


def _by_rows(anatomy: Anatomy, tokens: NDArray[np.int64], queries: range) -> Values:
    """The same in one pass without a cache: reduced as each layer comes."""
    return np.stack([rows[0].mean(axis=1) for rows in attention_rows(anatomy, tokens, queries)])


@torch.no_grad()
def _by_eager(anatomy: Anatomy, tokens: NDArray[np.int64], queries: range) -> Values:
    model = anatomy.model
    fused = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        output = model(
            torch.from_numpy(tokens).to(anatomy.device), use_cache=False, output_attentions=True
        )
    finally:
        model.set_attn_implementation(fused)
    means = [pattern[0, :, queries.start :].float().mean(dim=1) for pattern in output.attentions]
    return torch.stack(means).cpu().numpy()


def main() -> None:
    """Measure one shape at several lengths."""
    parser = parser_of(__doc__)
    parser.add_argument("--shape", choices=_SHAPES, default="llama_8b", help="llama_8b, or tiny")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    options = parser.parse_args()
    device = device_of(options.device)
    result = long_context(
        options.shape,
        options.layers,
        options.lengths,
        options.repeats,
        options.precision,
        device,
    )
    keep(options.out, "long_context", device, result)


if __name__ == "__main__":
    main()
