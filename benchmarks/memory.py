"""Peak memory of a scan of a model of several billion parameters, beside its weights.

    python -m benchmarks.memory --precision bf16

All heads of a model of true shape are ablated on a few short prompts, under a budget that is small
against the weights. What counts is the peak above what was held when the weights were there.
"""

from __future__ import annotations

import torch
from pydantic import ByteSize, TypeAdapter

from benchmarks.engine import engine_effects, random_batch
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
from benchmarks.shapes import config_of, random_model
from circuit_scaling.interventions.model.memory import peak_memory, reset_peak
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.models.architecture import anatomy_of


def memory(
    shape: str,
    prompts: int,
    positions: int,
    precision: Precision,
    budget: int,
    device: torch.device,
) -> Result:
    """Scan every head and compare the peak above the weights with the budget."""
    model = random_model(config_of(shape), weights_dtype(precision), device)
    with multiplying_in(precision, device):
        anatomy = anatomy_of(model)
        batch = random_batch(anatomy.vocabulary, prompts, positions)
        reset_peak(device)
        held = peak_memory(device)
        chunk = Chunk.of(anatomy, max_memory=budget)  # what measuring it takes counts as well
        start = now(device)
        engine_effects(anatomy, batch, chunk)
        seconds = now(device) - start
    return {
        "shape": shape,
        "prompts": prompts,
        "positions": positions,
        "precision": precision,
        "parameters": sum(p.numel() for p in model.parameters()),
        "weights_gb": sum(p.numel() * p.element_size() for p in model.parameters()) / 1e9,
        "budget_gb": budget / 1e9,
        "peak_above_weights_gb": (peak_memory(device) - held) / 1e9,
        "chunk_tokens": chunk.tokens,
        "seconds": seconds,
    }


def main() -> None:
    """Measure one shape under one budget."""
    parser = parser_of(__doc__)
    parser.add_argument("--shape", default="pythia_2_8b", help="a slug of the study, or tiny")
    parser.add_argument("--prompts", type=int, default=1)
    parser.add_argument("--positions", type=int, default=8)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--budget", default="512MiB", type=TypeAdapter(ByteSize).validate_python)
    options = parser.parse_args()
    device = device_of(options.device)
    result = memory(
        options.shape,
        options.prompts,
        options.positions,
        options.precision,
        options.budget,
        device,
    )
    keep(options.out, "memory", device, result)


if __name__ == "__main__":
    main()
