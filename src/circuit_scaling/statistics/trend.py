"""Straight line through a few models, with an interval that says how few they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import MIDDLE


class Trend(NamedTuple):
    """Slope over ``n`` models with its standard error and 95 % interval; NaN if not defined."""

    n: int
    slope: float
    se: float
    low: float
    high: float


def linear_trend(x: npt.ArrayLike, y: npt.ArrayLike) -> Trend:
    """Least squares slope of ``y`` against ``x`` [models]; pairs with a missing value are left out.

    The interval is the t interval on n - 2 degrees of freedom: with three models it is 12.7
    standard errors wide on each side. With fewer than three pairs, or a constant ``x``, everything
    but n is NaN.
    """
    at, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    known = np.isfinite(at) & np.isfinite(values)
    at, values = at[known], values[known]
    if at.size < 3 or bool((at == at[0]).all()):
        return Trend(int(at.size), *[float("nan")] * 4)
    fit = scipy.stats.linregress(at, values)
    half = float(scipy.special.stdtrit(at.size - 2, MIDDLE[1]) * fit.stderr)
    slope = float(fit.slope)
    return Trend(int(at.size), slope, float(fit.stderr), slope - half, slope + half)
