"""How much of all effect the strongest heads carry."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import MIDDLE, MIN_CLUSTERS, ClusterTotals


class Share(NamedTuple):
    """A share with its 95 % interval, NaN with too few clusters."""

    share: float
    low: float
    high: float


def share_of_strongest(totals: ClusterTotals, k: int) -> Share:
    """The ``k`` largest |mean effects| over the sum of all: k / n where all are equal, up to 1.

    Noise adds to the size of weak effects more than to that of strong ones, so that the share is
    rather too small. The interval is the t interval of the jackknife over clusters (Tukey 1958):
    a bootstrap would add the noise a second time, and lie below the share.

    Raises:
        ValueError: there are not ``k`` heads.
    """
    n_heads, n_clusters = totals.sums.shape
    if not 1 <= k <= n_heads:
        raise ValueError(f"the {k} strongest of {n_heads} heads")
    whole = totals.sums.sum(axis=1)
    n_prompts = totals.n_prompts.sum()
    share = _share(whole / n_prompts, k)
    if n_clusters < MIN_CLUSTERS:
        return Share(share, float("nan"), float("nan"))
    without = np.array(
        [
            _share((whole - totals.sums[:, i]) / (n_prompts - totals.n_prompts[i]), k)
            for i in range(n_clusters)
        ]
    )
    se = np.sqrt((n_clusters - 1) / n_clusters * np.square(without - without.mean()).sum())
    half = float(scipy.special.stdtrit(n_clusters - 1, MIDDLE[1]) * se)
    return Share(share, max(share - half, 0.0), min(share + half, 1.0))


def _share(means: npt.NDArray[np.float64], k: int) -> float:
    """Share that the ``k`` largest of the means [heads] have; NaN where all are 0."""
    size = np.sort(np.abs(means))[::-1]
    total = size.sum()
    return float(size[:k].sum() / total) if total > 0 else float("nan")
