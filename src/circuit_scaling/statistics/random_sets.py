"""One set of heads against random sets: where does its damage lie among theirs?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from circuit_scaling.statistics.clusters import MIDDLE

_ROUNDING = 1e-9  # as a share of the largest value: equal up to rounding counts as equal


class AgainstRandom(NamedTuple):
    """A value among those of random sets.

    Attributes:
        p: (1 + b) / (1 + B), one-sided; b of the B random sets have at least as much damage.
        p_floor: 1 / (1 + B), the least that p can be.
        sd: standard deviation over the random sets.
        effect_size: the value minus their mean, in standard deviations; its sign is that of the
            value, not of the damage.
        low, high: the middle 95 % of the random sets.
    """

    p: float
    p_floor: float
    sd: float
    effect_size: float
    low: float
    high: float


def against_random(value: float, random: npt.ArrayLike, harm: int) -> AgainstRandom:
    """Compare ``value`` with those of ``random`` [sets], of which NaN were not measured.

    ``harm`` is -1 where lower values are worse (a contrast, an accuracy) and 1 where higher ones
    are (a loss). Values that differ by rounding count as equal. Everything is NaN where the value
    is, or without random sets; spread and effect size are with fewer than two of them, and the
    effect size where they do not differ. Where the sets are all there are, p is exact.

    Raises:
        ValueError: ``harm`` is neither -1 nor 1.
    """
    measured = np.asarray(random, dtype=np.float64)
    others = measured[~np.isnan(measured)]
    if harm not in (-1, 1):
        raise ValueError(f"harm is -1 or 1, not {harm}")
    if not others.size or np.isnan(value):
        return AgainstRandom(*[float("nan")] * 6)
    rounding = _ROUNDING * max(abs(value), float(np.abs(others).max()))
    b = int((harm * others >= harm * value - rounding).sum())
    sd = float(others.std(ddof=1)) if others.size > 1 else float("nan")
    effect_size = (value - float(others.mean())) / sd if sd > rounding else float("nan")
    low, high = np.quantile(others, MIDDLE)
    return AgainstRandom(
        (1 + b) / (1 + others.size), 1 / (1 + others.size), sd, effect_size, float(low), float(high)
    )
