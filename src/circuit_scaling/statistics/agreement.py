"""Agreement of two rankings of the same heads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap


def spearman(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Spearman rank correlation, tied values sharing their average rank: -1..1.

    NaN where it is not defined: fewer than two values, either side constant, or a value missing
    (leave out the pair, and report how many pairs were compared). Raises ValueError for arrays
    that are not two equally long lists.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.ndim != 1 or left.shape != right.shape:
        raise ValueError(f"need two equally long lists, got shapes {left.shape} and {right.shape}")
    if left.size < 2 or np.isnan(left).any() or np.isnan(right).any():
        return float("nan")
    if (left == left[0]).all() or (right == right[0]).all():
        return float("nan")
    return float(scipy.stats.spearmanr(left, right).statistic)
