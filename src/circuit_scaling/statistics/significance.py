"""q-values: which of many tests stand out when all of them are looked at together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap


def q_values(p: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Benjamini-Hochberg q of all the p given, as one family whatever their shape [...].

    NaN (not tested) stays NaN and does not count towards the family's size.

    Source: Benjamini and Hochberg 1995, "Controlling the false discovery rate".

    Raises:
        ValueError: a p is outside 0..1.
    """
    given = np.asarray(p, dtype=np.float64)
    tested = ~np.isnan(given)
    if not ((given[tested] >= 0) & (given[tested] <= 1)).all():
        raise ValueError("p values must lie between 0 and 1")
    adjusted = np.full(given.shape, np.nan)
    if tested.any():
        adjusted[tested] = scipy.stats.false_discovery_control(given[tested], method="bh")
    return adjusted
