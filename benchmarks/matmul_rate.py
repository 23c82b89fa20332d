"""The rate at which this machine multiplies matrices, as the yardstick of the scan."""

from __future__ import annotations

import torch

from benchmarks.measuring import (
    PRECISIONS,
    Precision,
    Result,
    device_of,
    keep,
    multiplying_in,
    parser_of,
    weights_dtype,
)
from circuit_scaling.interventions.model.product_rate import product_rate

_SQUARE = {"cpu": 2048, "cuda": 8192}
_REPEATS = 7
_CALLS = {"cpu": 2, "cuda": 5}


def matmul_rate(
    precision: Precision, device: torch.device, d_model: int = 768, rows: tuple[int, ...] = ()
) -> Result:
    """Operations per second: the best of several repeats, of the best of several products.

    On a CPU these are the products of an MLP of the scan, ``rows`` x d_model by d_model x
    4 d_model and back, and a large square one; on a GPU a large square one.
    """
    square = _SQUARE[device.type]
    products = [(square, square, square)]
    if device.type == "cpu":
        for n in rows or (1024, 2048):
            products += [(n, d_model, 4 * d_model), (n, 4 * d_model, d_model)]
    with multiplying_in(precision, device):
        rates = {
            " x ".join(map(str, product)): product_rate(
                product, weights_dtype(precision), device, _REPEATS, _CALLS[device.type]
            )
            for product in products
        }
    return {"precision": precision, "flops": max(rates.values()), "products": rates}


def main() -> None:
    """Measure every precision that the device has."""
    parser = parser_of(__doc__)
    options = parser.parse_args()
    device = device_of(options.device)
    for precision in PRECISIONS:
        if precision != "tf32" or device.type == "cuda":
            keep(options.out, "matmul_rate", device, matmul_rate(precision, device))


if __name__ == "__main__":
    main()
