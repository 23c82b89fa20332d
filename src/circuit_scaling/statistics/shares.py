"""Shares of right answers: exact intervals."""

from __future__ import annotations

import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import CONFIDENCE, MIDDLE


def exact_interval(n_right: int, n: int) -> tuple[float, float]:
    """The exact (Clopper-Pearson) 95 % interval of a share: ``n_right`` of ``n`` independent ones.

    It holds the truth in at least 95 % of cases, whatever the share and however few there are.
    """
    found = scipy.stats.binomtest(n_right, n).proportion_ci(CONFIDENCE, method="exact")
    return float(found.low), float(found.high)


def within_bounds(
    mean: float, interval: tuple[float, float], n: int, bounds: tuple[float, float]
) -> tuple[float, float]:
    """The interval of a mean of ``n`` independent values that lie within ``bounds``.

    It is cut at the bounds. Where all values were the same and the interval is a point, as many
    others as the exact interval of a share allows (at most 1 - 0.025^(1/n)) may lie at a bound: 12
    right answers of 12 leave room for 26 % wrong ones. NaN stays NaN.
    """
    low, high = interval
    least, most = bounds
    if low == high:
        unseen = 1 - MIDDLE[0] ** (1 / n)
        return mean - (mean - least) * unseen, mean + (most - mean) * unseen
    return max(low, least), min(high, most)
