"""Means and spreads over what there is: missing values are left out, and counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from circuit_scaling.analysis.retrieval.comparison.compared import Counts, Values

Axis = int | tuple[int, ...] | None


def mean_of(values: Values, axis: Axis = None) -> tuple[Values, Counts]:
    """Mean over ``axis`` of the values that are there, and how many they are; NaN of none."""
    present = ~np.isnan(values)
    n = np.asarray(present.sum(axis=axis), dtype=np.int64)
    return ratio(np.sum(values, axis=axis, where=present), n), n


def sd_of(values: Values, axis: Axis = None) -> Values:
    """Standard deviation (ddof 0) over ``axis`` of the values that are there; NaN of none."""
    present = ~np.isnan(values)
    total = np.sum(values, axis=axis, where=present, keepdims=True)
    from_mean = values - ratio(total, present.sum(axis=axis, keepdims=True))
    return np.asarray(np.sqrt(mean_of(from_mean**2, axis)[0]), dtype=np.float64)


def ratio(part: ArrayLike, whole: ArrayLike) -> Values:
    """``part`` over ``whole``, NaN where ``whole`` is 0 or missing."""
    above, below = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    out = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=out, where=below != 0)
    return out
