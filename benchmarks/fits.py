"""Exponents and proportionality of a cost, fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Exponent:
    """Slope of log(cost) against log(size), with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Proportion:
    """cost = factor * predictor: how well that holds.

    Attributes:
        r_squared: share of the variance of the costs that the line explains.
        largest_residual: largest |cost / (factor * predictor) - 1|.
    """

    factor: float
    r_squared: float
    largest_residual: float


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> Exponent:
    """The exponent of a power law; at least three sizes."""
    fit = stats.linregress(np.log(sizes), np.log(costs))
    reach = float(stats.t.ppf(0.975, len(sizes) - 2)) * float(fit.stderr)
    slope = float(fit.slope)
    return Exponent(slope, slope - reach, slope + reach)


def proportion(predictors: Sequence[float], costs: Sequence[float]) -> Proportion:
    """The factor that is right on average in relative terms, so that small costs count as well."""
    x, y = np.asarray(predictors, dtype=float), np.asarray(costs, dtype=float)
    factor = float(np.exp(np.mean(np.log(y / x))))
    left = y - factor * x
    return Proportion(
        factor=factor,
        r_squared=float(1 - (left**2).sum() / ((y - y.mean()) ** 2).sum()),
        largest_residual=float(np.abs(y / (factor * x) - 1).max()),
    )
