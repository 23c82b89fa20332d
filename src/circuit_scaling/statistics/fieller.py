"""The interval of a ratio of two estimates: all ratios that a t test does not refuse."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def fieller_interval(
    estimates: tuple[float, float], covariance: npt.NDArray[np.float64], quantile: float
) -> tuple[float, float]:
    """All r with (N - r D)^2 <= quantile^2 var(N - r D), for a ratio N / D (Fieller 1954).

    Args:
        estimates: N and D.
        covariance: [2, 2], of N and D.
        quantile: of the t distribution.

    Returns:
        Both ends; from -infinity to infinity where D is not told from 0, because then the set has
        no end or is not one interval.
    """
    top, bottom = estimates
    square = bottom**2 - quantile**2 * covariance[1, 1]
    if square <= 0:
        return -np.inf, np.inf
    middle = top * bottom - quantile**2 * covariance[0, 1]
    rest = top**2 - quantile**2 * covariance[0, 0]
    # The set holds N / D itself, so that what is below 0 here is rounding.
    root = np.sqrt(max(0.0, middle**2 - square * rest))
    return float((middle - root) / square), float((middle + root) / square)
