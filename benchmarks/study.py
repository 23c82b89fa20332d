"""The whole study with random weights of the true shapes: two tasks for each of 17 models."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.engine import engine_effects, random_batch
from benchmarks.flops import sizes_of
from benchmarks.matmul_rate import matmul_rate
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
from benchmarks.shapes import STUDY, config_of, meta_model, random_model
from circuit_scaling.interventions.model.memory import peak_memory, reset_peak
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.models.architecture import anatomy_of
from circuit_scaling.plan.operations import scan_operations

TASKS = 2
PROMPTS = 400
POSITIONS = 16
_EXPECTED_SHARE = 0.4  # of the matmul rate, until a model has been measured
_LOADING_SECONDS = 5.0


def operations_of(shape: str, prompts: int = PROMPTS) -> int:
    """Necessary operations of both tasks."""
    return TASKS * scan_operations(sizes_of(meta_model(config_of(shape))), prompts, POSITIONS)


def scan_model(shape: str, prompts: int, precision: Precision, device: torch.device) -> Result:
    """Build one model and scan it on both tasks; building is timed apart."""
    start = now(device)
    model = random_model(config_of(shape), weights_dtype(precision), device)
    with multiplying_in(precision, device):
        anatomy = anatomy_of(model)
        built = now(device)
        reset_peak(device)
        chunk = Chunk.of(anatomy)  # measured the first time, and counted
        for task in range(TASKS):
            batch = random_batch(anatomy.vocabulary, prompts, POSITIONS, seed=task)
            engine_effects(anatomy, batch, chunk)
        seconds = now(device) - built
    operations = operations_of(shape, prompts)
    return {
        "model": shape,
        "precision": precision,
        "tasks": TASKS,
        "prompts": prompts,
        "positions": POSITIONS,
        "chunk_tokens": chunk.tokens,
        "building_seconds": built - start,
        "seconds": seconds,
        "pflop": operations / 1e15,
        "flops": operations / seconds,
        "weights_gb": sum(p.numel() * p.element_size() for p in model.parameters()) / 1e9,
        "peak_gb": peak_memory(device) / 1e9,
    }


def study(
    models: Sequence[str],
    prompts: int,
    precision: Precision,
    device: torch.device,
    budget_s: float,
    out: Path | None,
) -> None:
    """Scan the models, cheapest first, and stop before one that does not fit the time left."""
    start = time.monotonic()
    rate = matmul_rate(precision, device)
    keep(out, "matmul_rate", device, rate)
    flops = _EXPECTED_SHARE * rate["flops"]
    for shape in sorted(models, key=operations_of):
        expected = operations_of(shape, prompts) / flops + _LOADING_SECONDS
        left = budget_s - (time.monotonic() - start)
        if expected > left:
            print(f"{shape} would take {expected:.0f} s and {left:.0f} s are left: stopped before")
            return
        result = scan_model(shape, prompts, precision, device)
        result["share_of_matmul"] = result["flops"] / rate["flops"]
        keep(out, "study", device, result)
        flops = result["flops"]
        gc.collect()  # modules and hooks refer to each other
        if device.type == "cuda":
            torch.cuda.empty_cache()


def count() -> Result:
    """Necessary operations of every model of the study, in PFLOP."""
    pflop = {shape: operations_of(shape) / 1e15 for shape in STUDY}
    return {
        "tasks": TASKS,
        "prompts": PROMPTS,
        "positions": POSITIONS,
        "pflop": pflop,
        "total_pflop": sum(pflop.values()),
    }


def main() -> None:
    """Measure, or only count."""
    parser = parser_of(__doc__)
    parser.add_argument("--models", nargs="+", default=list(STUDY), metavar="SLUG")
    parser.add_argument("--prompts", type=int, default=PROMPTS, help="per task")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--budget-s", type=float, default=float("inf"))
    parser.add_argument("--count-only", action="store_true")
    options = parser.parse_args()
    device = device_of(options.device)
    if options.count_only:
        keep(options.out, "study_count", device, count())
        return
    study(
        options.models,
        options.prompts,
        options.precision,
        device,
        options.budget_s,
        options.out,
    )


if __name__ == "__main__":
    main()
