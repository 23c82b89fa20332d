"""How the cost of a scan grows with layers, heads, prompts and length.

One size varies at a time around a base shape; d_model is the same everywhere, so that more heads
are more heads and nothing else. A grid of layers and heads tests the law: seconds are proportional
to heads x layers x (layers + 1) / 2, and more sharply to the necessary operations.
"""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass, replace
from statistics import median

import numpy as np
import torch

from benchmarks.engine import engine_effects, random_batch
from benchmarks.fits import exponent, proportion
from benchmarks.flops import sizes_of
from benchmarks.measuring import Result, device_of, keep, multiplying_in, now, parser_of
from benchmarks.shapes import random_model, small_gpt2
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.models.architecture import anatomy_of
from circuit_scaling.plan.operations import scan_operations

_REPEATS = 3
_WIDTH = {"cpu": 192, "cuda": 1024}
_LONGEST = 64


@dataclass(frozen=True)
class Point:
    """One size of scan."""

    layers: int
    heads: int
    prompts: int
    positions: int

    @property
    def law(self) -> float:
        """Heads x layers x (layers + 1) / 2."""
        return self.heads * self.layers * (self.layers + 1) / 2


BASE = Point(layers=6, heads=8, prompts=16, positions=16)
VARIED: dict[str, tuple[int, ...]] = {
    "layers": (2, 4, 6, 8, 12),
    "heads": (2, 4, 8, 16, 32),
    "prompts": (4, 8, 16, 32, 64),
    "positions": (8, 16, 32, _LONGEST),
}
GRID = tuple(
    replace(BASE, layers=layers, heads=heads) for layers in (2, 4, 8, 12) for heads in (4, 8, 16)
)


def line(size: str) -> list[Point]:
    """The points that differ from the base in one size."""
    return [replace(BASE, **{size: value}) for value in VARIED[size]]


def cost(device: torch.device, width: int | None = None, repeats: int = _REPEATS) -> Result:
    """Fitted exponents beside those of the operation count, and the law on the grid."""
    points = sorted({*GRID, *(p for size in VARIED for p in line(size))}, key=astuple)
    scans = _scans(points, width or _WIDTH[device.type], device)
    operations = {
        point: scan_operations(sizes_of(anatomy.model), point.prompts, point.positions)
        for point, (anatomy, _) in scans.items()
    }
    seconds = _medians(scans, device, repeats)
    exponents = {}
    for size, values in VARIED.items():
        measured = exponent(values, [seconds[p] for p in line(size)])
        expected = exponent(values, [operations[p] for p in line(size)])
        exponents[size] = {**asdict(measured), "expected": expected.value}
    took = [seconds[p] for p in GRID]
    return {
        "precision": "float32",
        "base": asdict(BASE),
        "d_model": width or _WIDTH[device.type],
        "repeats": repeats,
        "exponents": exponents,
        "law": asdict(proportion([p.law for p in GRID], took)),
        "operations": asdict(proportion([operations[p] for p in GRID], took)),
        "points": [
            {
                **asdict(p),
                "seconds": seconds[p],
                "law": p.law,
                "operations": operations[p],
                "in_grid": p in GRID,
            }
            for p in points
        ],
    }


def _scans(
    points: list[Point], width: int, device: torch.device
) -> dict[Point, tuple[Anatomy, Batch]]:
    anatomies: dict[tuple[int, int], Anatomy] = {}
    scans = {}
    for point in points:
        shape = (point.layers, point.heads)
        if shape not in anatomies:
            config = small_gpt2(*shape, width, positions=_LONGEST)
            anatomies[shape] = anatomy_of(random_model(config, torch.float32, device))
        anatomy = anatomies[shape]
        scans[point] = (anatomy, random_batch(anatomy.vocabulary, point.prompts, point.positions))
    return scans


def _medians(
    scans: dict[Point, tuple[Anatomy, Batch]], device: torch.device, repeats: int
) -> dict[Point, float]:
    """Median seconds; every round goes through all points in a new order, after one for warmth."""
    rng = np.random.default_rng(0)
    points = list(scans)
    seconds: dict[Point, list[float]] = {point: [] for point in points}
    with multiplying_in("float32", device):
        # One chunk for all: a law of cost is about one way of working.
        chunk = Chunk.of(scans[BASE][0])
        for measured in range(repeats + 1):
            for index in rng.permutation(len(points)):
                point = points[index]
                start = now(device)
                engine_effects(*scans[point], chunk)
                if measured:
                    seconds[point].append(now(device) - start)
    return {point: median(times) for point, times in seconds.items()}


def main() -> None:
    """Measure and fit."""
    parser = parser_of(__doc__)
    options = parser.parse_args()
    device = device_of(options.device)
    keep(options.out, "cost", device, cost(device))


if __name__ == "__main__":
    main()
