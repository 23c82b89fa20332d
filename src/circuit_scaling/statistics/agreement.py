"""Agreement of two measurements of the same heads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

_Floats = npt.NDArray[np.float64]


def spearman(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Spearman rank correlation of two lists [items], tied values sharing their rank: -1..1.

    NaN where it is not defined: fewer than two values, either side constant, or a value missing
    (leave out the pair, and report how many pairs were compared).

    Raises:
        ValueError: the arrays are not two equally long lists.
    """
    left, right = _pair(a, b)
    if not _vary(left, right):
        return float("nan")
    return float(scipy.stats.spearmanr(left, right).statistic)


def pearson(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Pearson correlation of two lists [items], -1..1; NaN and ValueError as :func:`spearman`."""
    left, right = _pair(a, b)
    if not _vary(left, right):
        return float("nan")
    return float(scipy.stats.pearsonr(left, right).statistic)


def top_overlap(a: npt.ArrayLike, b: npt.ArrayLike, k: int) -> float:
    """Share, 0..1, of the ``k`` largest of ``a`` by absolute value that are so in ``b`` as well.

    Both are [items]. Of equal values the first counts as larger. By chance it is ``k`` over the
    number of values. NaN where there is no ranking: either side constant in absolute value, or a
    value missing.

    Raises:
        ValueError: the arrays are not two equally long lists, or ``k`` is outside them.
    """
    left, right = (np.abs(side) for side in _pair(a, b))
    if not 1 <= k <= left.size:
        raise ValueError(f"cannot take the top {k} of {left.size} values")
    if not _vary(left, right):
        return float("nan")
    first, second = (np.argsort(-side, kind="stable")[:k] for side in (left, right))
    return len(np.intersect1d(first, second)) / k


def _pair(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[_Floats, _Floats]:
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.ndim != 1 or left.shape != right.shape:
        raise ValueError(f"need two equally long lists, got shapes {left.shape} and {right.shape}")
    return left, right


def _vary(left: _Floats, right: _Floats) -> bool:
    """Whether both sides are complete and neither is constant."""
    return all(
        side.size > 1 and not np.isnan(side).any() and bool((side != side[0]).any())
        for side in (left, right)
    )
