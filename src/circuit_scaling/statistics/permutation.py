"""Test of association between two tasks by permuting heads within their layers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_BLOCK_VALUES = 2**21
"""Largest number of permuted heads held at once."""


def permutation_p(
    products: npt.ArrayLike,
    layers: npt.ArrayLike,
    rng: np.random.Generator,
    permutations: int = 9999,
) -> float:
    """Two-sided p of the sum of paired products, heads being permuted within layers.

    ``products`` [heads, heads] holds the product of each head on one task with each head on the
    other; on the diagonal a head meets itself. ``layers`` [heads] says which heads may change
    places. The statistic is the distance of the sum over paired heads from its mean over all
    permutations, which is known exactly; p = (1 + b) / (1 + permutations), b counting the random
    permutations at least as far away. What layers have in common counts as no association. NaN
    where a product is missing; 1 where no permutation changes the sum. Raises ValueError for
    shapes that do not fit.
    """
    table = np.asarray(products, dtype=np.float64)
    layer = np.asarray(layers)
    if permutations < 1:
        raise ValueError(f"a permutation test needs at least 1 permutation, got {permutations}")
    if table.shape != (layer.size, layer.size) or layer.ndim != 1 or layer.size == 0:
        raise ValueError(f"products {table.shape} do not fit {layer.shape} layers")
    if np.isnan(table).any():
        return float("nan")
    blocks = [np.flatnonzero(layer == name) for name in np.unique(layer)]
    expected = sum(float(table[np.ix_(heads, heads)].sum()) / heads.size for heads in blocks)
    # Equal up to rounding counts as equal: ties must not fall at random.
    tolerance = 1e-12 * float(np.abs(table).max()) * layer.size
    observed = abs(float(np.trace(table)) - expected) - tolerance
    extreme = 0
    rows = max(1, _BLOCK_VALUES // layer.size)
    for start in range(0, permutations, rows):
        size = min(rows, permutations - start)
        sums = np.zeros(size)
        for heads in blocks:
            partner = rng.permuted(np.tile(heads, (size, 1)), axis=1)
            sums += table[heads, partner].sum(axis=1)
        extreme += int((np.abs(sums - expected) >= observed).sum())
    return (1 + extreme) / (1 + permutations)
