"""Sign-flip test of means over clusters, and false discovery control."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import ClusterTotals

BLOCK_VALUES = 2**21
"""Largest number of flipped totals held at once (16 MiB)."""


def sign_flip_p(
    totals: ClusterTotals, rng: np.random.Generator, flips: int = 9999
) -> npt.NDArray[np.float64]:
    """Two-sided p of each item [items] for a mean of 0, the sign of each cluster being arbitrary.

    The statistic is the absolute mean over prompts; a flip turns the sign of a whole cluster, the
    same clusters for every item. p = (1 + b) / (1 + flips), b counting the random flips at least
    as extreme as what was observed. Where all 2^C flips are no more than 1 + `flips` they are
    enumerated instead, and p is their exact share (the identity is one of them).
    """
    if flips < 1:
        raise ValueError(f"a sign-flip test needs at least 1 flip, got {flips}")
    sums = totals.sums
    # Equal up to rounding counts as equal: else ties, and the identity itself, fall at random.
    observed = np.abs(sums.sum(axis=1)) - 1e-12 * np.abs(sums).sum(axis=1)
    n_clusters = sums.shape[1]
    rows = max(1, BLOCK_VALUES // max(sums.shape))
    exact = 2**n_clusters <= 1 + flips
    blocks = _every_flip(n_clusters, rows) if exact else _random_flips(n_clusters, flips, rows, rng)
    extreme = np.zeros(sums.shape[0], dtype=np.int64)
    for signs in blocks:
        extreme += (np.abs(signs @ sums.T) >= observed).sum(axis=0)
    if exact:
        return np.asarray(extreme / 2 ** (n_clusters - 1), dtype=np.float64)
    return np.asarray((1 + extreme) / (1 + flips), dtype=np.float64)


def q_values(p: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Benjamini-Hochberg q of all the p given, as one family whatever their shape.

    NaN (not tested) stays NaN and does not count towards the family's size. Raises ValueError for
    a p outside 0..1.
    """
    given = np.asarray(p, dtype=np.float64)
    tested = ~np.isnan(given)
    if not ((given[tested] >= 0) & (given[tested] <= 1)).all():
        raise ValueError("p values must lie between 0 and 1")
    adjusted = np.full(given.shape, np.nan)
    if tested.any():
        adjusted[tested] = scipy.stats.false_discovery_control(given[tested], method="bh")
    return adjusted


def _every_flip(n_clusters: int, rows: int) -> Iterator[npt.NDArray[np.float64]]:
    """Half of all flips: turning every sign changes no absolute mean, so the last stays +."""
    for start in range(0, 2 ** (n_clusters - 1), rows):
        codes = np.arange(start, min(start + rows, 2 ** (n_clusters - 1)))
        flipped = (codes[:, None] >> np.arange(n_clusters)) & 1
        yield np.where(flipped, -1.0, 1.0)


def _random_flips(
    n_clusters: int, flips: int, rows: int, rng: np.random.Generator
) -> Iterator[npt.NDArray[np.float64]]:
    """Random signs, row after row, so that the flips do not depend on the size of a block."""
    for start in range(0, flips, rows):
        size = (min(rows, flips - start), n_clusters)
        yield np.where(rng.random(size) < 0.5, -1.0, 1.0)
