"""What torch.compile and CUDA graphs would add to the replay of one block.

One block in the middle of a model is run on stacks of several heights, as it is written, compiled,
and (on a GPU) from a captured graph. Compiling needs a C++ compiler on a CPU.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

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
from circuit_scaling.interventions.model.activations import fused_activations

_POSITIONS = 16
_HEIGHTS = {"cpu": (1, 2), "cuda": (1, 4, 16, 64)}  # in heads x 64 prompts
_PROMPTS = 64
_REPEATS = 15


@torch.no_grad()
def blocks(
    shape: str, precision: Precision, device: torch.device, prompts: int = _PROMPTS
) -> list[Result]:
    """Seconds per block, for every height of the stack."""
    torch.compiler.reset()  # else only so many shapes are compiled, and the others run as written
    model = random_model(config_of(shape), weights_dtype(precision), device)
    stack = next(module for module in model.modules() if isinstance(module, nn.ModuleList))
    block = stack[len(stack) // 2]
    compiled = torch.compile(block, dynamic=False) if _can_compile(device) else None
    results = []
    for height in _HEIGHTS[device.type]:
        tokens = torch.zeros(height * prompts, _POSITIONS, dtype=torch.long, device=device)
        args, kwargs = _call_of(block, model, tokens)
        with multiplying_in(precision, device), fused_activations(model):
            seconds = {
                road: _seconds(work, device)
                for road, work in _roads(block, compiled, args, kwargs, device).items()
            }
        results.append(
            {
                "shape": shape,
                "precision": precision,
                "heads": height,
                "tokens": tokens.numel(),
                "seconds": seconds,
                "gain": {road: seconds["eager"] / s for road, s in seconds.items()},
            }
        )
    return results


def _roads(
    block: nn.Module,
    compiled: Callable[..., object] | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    device: torch.device,
) -> dict[str, Callable[[], object]]:
    """The ways of running the block that there are here."""
    roads: dict[str, Callable[[], object]] = {"eager": partial(block, *args, **kwargs)}
    if compiled is not None:
        roads["compiled"] = partial(compiled, *args, **kwargs)
    if device.type == "cuda":
        roads["graphed"] = _graph(roads["eager"]).replay
    return roads


def _can_compile(device: torch.device) -> bool:
    return device.type == "cuda" or shutil.which("c++") is not None


def _call_of(
    block: nn.Module, model: nn.Module, tokens: Tensor
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments that the block gets when the model runs."""
    calls = []
    handle = block.register_forward_pre_hook(
        lambda _, args, kwargs: calls.append((args, kwargs)), with_kwargs=True
    )
    model(tokens, use_cache=False, logits_to_keep=1)
    handle.remove()
    args, kwargs = calls[0]
    return args, kwargs


def _graph(work: Callable[[], object]) -> torch.cuda.CUDAGraph:
    """A captured graph of ``work``, after a few runs on a stream of its own, as CUDA asks."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """Median over repeats of ten calls in a row on a GPU, of single calls on a CPU."""
    calls = 10 if device.type == "cuda" else 1
    for _ in range(3):
        work()
    times = []
    for _ in range(_REPEATS):
        start = now(device)
        for _ in range(calls):
            work()
        times.append((now(device) - start) / calls)
    return median(times)


def main() -> None:
    """Measure one shape in one precision."""
    parser = parser_of(__doc__)
    parser.add_argument("--shape", default="gpt2", help="a slug of the study, or tiny")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    options = parser.parse_args()
    device = device_of(options.device)
    for result in blocks(options.shape, options.precision, device):
        keep(options.out, "blocks", device, result)


if __name__ == "__main__":
    main()
