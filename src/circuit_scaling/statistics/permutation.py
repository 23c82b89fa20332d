"""Test of correlation between two tasks by permuting heads within their layers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float64]

_BLOCK_VALUES = 2**21
"""Largest number of permuted heads held at once."""


def permutation_p(
    products: npt.ArrayLike,
    effects: tuple[npt.ArrayLike, npt.ArrayLike],
    layers: npt.ArrayLike,
    rng: np.random.Generator,
    permutations: int,
) -> float:
    """Two-sided p of a correlation of 0, heads being permuted within layers.

    The distance of the sum of products from its mean over all permutations, which is known exactly,
    is divided by its own standard deviation, the root of the sum of squared products, for the heads
    as they are and as they are permuted (DiCiccio and Romano 2017, "Robust permutation tests for
    correlation and regression coefficients"). Without that the test is one of independence: where
    the same few heads are strong on both tasks it rejects, whatever their correlation. What layers
    have in common counts as no correlation. Squared products are of effects less the median of the
    layer: less the mean, one strong head would shift all others.

    Args:
        products: [heads, heads], of each head on one task with each head on the other; on the
            diagonal a head meets itself.
        effects: of the heads on the two tasks, each [heads].
        layers: [heads]; which heads may change places.
        permutations: how many are drawn; 1 / (1 + permutations) is the least that p can be.

    Returns:
        (1 + b) / (1 + permutations), b counting the random permutations at least as far away. NaN
        where a product is missing; 1 where no permutation changes the sum.

    Raises:
        ValueError: shapes that do not fit, or no permutations.
    """
    table = np.asarray(products, dtype=np.float64)
    layer = np.asarray(layers)
    first, second = (np.asarray(effect, dtype=np.float64) for effect in effects)
    if permutations < 1:
        raise ValueError(f"a permutation test needs at least 1 permutation, got {permutations}")
    if table.shape != (layer.size, layer.size) or layer.ndim != 1 or layer.size == 0:
        raise ValueError(f"products {table.shape} do not fit {layer.shape} layers")
    if first.shape != layer.shape or second.shape != layer.shape:
        raise ValueError(f"effects {first.shape} and {second.shape} do not fit {layer.shape} heads")
    if np.isnan(table).any():
        return float("nan")
    blocks = [np.flatnonzero(layer == name) for name in np.unique(layer)]
    expected = sum(float(table[np.ix_(heads, heads)].sum()) / heads.size for heads in blocks)
    squares = np.square(np.outer(_less_median(first, blocks), _less_median(second, blocks)))
    as_they_are = np.arange(layer.size)[None]
    # Equal up to rounding counts as equal: ties must not fall at random.
    observed = float(_distance(table, squares, expected, as_they_are)[0]) * (1 - 1e-12)
    extreme = 0
    rows = max(1, _BLOCK_VALUES // layer.size)
    for start in range(0, permutations, rows):
        size = min(rows, permutations - start)
        partner = np.empty((size, layer.size), dtype=np.intp)
        for heads in blocks:
            partner[:, heads] = rng.permuted(np.tile(heads, (size, 1)), axis=1)
        extreme += int((_distance(table, squares, expected, partner) >= observed).sum())
    return (1 + extreme) / (1 + permutations)


def _less_median(effects: _Floats, blocks: list[npt.NDArray[np.intp]]) -> _Floats:
    """Effects less the median of their layer."""
    less = effects.copy()
    for heads in blocks:
        less[heads] -= np.median(effects[heads])
    return less


def _distance(
    table: _Floats, squares: _Floats, expected: float, partner: npt.NDArray[np.intp]
) -> _Floats:
    """Studentised distance from the mean for rows of partners [permutations, heads]."""
    heads = np.arange(partner.shape[1])
    # A sum that differs from the mean by rounding only does not differ.
    away = np.abs(table[heads, partner].sum(axis=1) - expected)
    away[away <= 1e-12 * np.abs(table).max() * heads.size] = 0.0
    scale = np.sqrt(squares[heads, partner].sum(axis=1))
    distance: _Floats = np.divide(away, scale, out=np.zeros_like(away), where=scale > 0)
    return distance
