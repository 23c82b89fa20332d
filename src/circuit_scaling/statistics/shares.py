"""Shares of right answers: exact intervals."""

from __future__ import annotations

import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import CONFIDENCE


def exact_interval(n_right: int, n: int) -> tuple[float, float]:
    """The exact (Clopper-Pearson) 95 % interval of a share: ``n_right`` of ``n`` independent ones.

    It holds the truth in at least 95 % of cases, whatever the share and however few there are.
    """
    found = scipy.stats.binomtest(n_right, n).proportion_ci(CONFIDENCE, method="exact")
    return float(found.low), float(found.high)
