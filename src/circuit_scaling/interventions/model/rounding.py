"""How matrix products round, and whether two results differ by rounding only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

# Relative to the largest value.
_FULL_TOLERANCE = 2e-4
_TF32_TOLERANCE = 1e-2  # factors of 10 bits
_SIXTEEN_BITS_TOLERANCE = 5e-2  # bfloat16 keeps 7 bits of everything


@contextmanager
def full_float32() -> Iterator[None]:
    """Matrix products in float32 do not round to TF32 for a while."""
    before = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.fp32_precision = before


def close(a: Tensor, b: Tensor) -> bool:
    """Whether two results [...] of the same computation differ by rounding only."""
    tf32 = torch.backends.cuda.matmul.fp32_precision == "tf32" and b.is_cuda
    largest = (a.float() - b.float()).abs().max()
    return bool(largest <= tolerance(b.dtype, tf32) * (1e-3 + b.float().abs().max()))


def tolerance(dtype: torch.dtype, tf32: bool) -> float:
    """The largest relative difference that rounding makes, with products in TF32 or in full."""
    if dtype not in (torch.float32, torch.float64):
        return _SIXTEEN_BITS_TOLERANCE
    return _TF32_TOLERANCE if tf32 else _FULL_TOLERANCE
