"""How fast a device multiplies matrices: what every estimate and share of time is measured by."""

from __future__ import annotations

import math
import time

import numpy as np
import torch

from circuit_scaling.interventions.model.device import Precision, multiplying_in

_LARGE = 8192  # of the square product that keeps a whole GPU at work
_ROWS = 1024  # tokens that go through a block together on a CPU, more or less
_MOST = 4e9  # operations of one product on a CPU: hundredths of a second
_OPERATIONS = 2e10  # of all repeats of a product: a tenth of a second, or more where others work
_REPEATS, _CALLS = (3, 100), 2


def rate_at_width(d_model: int, precision: Precision, device: torch.device) -> float:
    """Operations per second in the products of a model so wide; takes some tenths of a second.

    On a CPU these are the two of an MLP, on a GPU a large square one, as in the benchmarks.
    """
    products = [(_LARGE, _LARGE, _LARGE)]
    if device.type == "cpu":
        rows = max(1, min(_ROWS, int(_MOST / (8 * d_model**2))))
        products = [(rows, d_model, 4 * d_model), (rows, 4 * d_model, d_model)]
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    repeats = int(np.clip(_OPERATIONS / (2 * _CALLS * math.prod(products[0])), *_REPEATS))
    with multiplying_in(precision):
        return max(product_rate(p, dtype, device, repeats, _CALLS) for p in products)


def product_rate(
    product: tuple[int, int, int],
    dtype: torch.dtype,
    device: torch.device,
    repeats: int,
    calls: int,
) -> float:
    """Operations per second of [n, inner] @ [inner, m], the best of several repeats.

    Args:
        product: n, inner and m.
        calls: products in each repeat; a GPU is waited for after the last of them.
    """
    n, inner, m = product
    left = torch.randn(n, inner, device=device, dtype=dtype)
    right = torch.randn(inner, m, device=device, dtype=dtype)
    out = torch.empty(n, m, device=device, dtype=dtype)
    torch.mm(left, right, out=out)
    best = float("inf")
    for _ in range(repeats):
        start = _now(device)
        for _ in range(calls):
            torch.mm(left, right, out=out)
        best = min(best, _now(device) - start)
    return 2.0 * n * inner * m * calls / best


def _now(device: torch.device) -> float:
    """The clock in seconds, after everything that the device was asked to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
