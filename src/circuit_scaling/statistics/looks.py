"""Looking at a growing sample again and again: what each look may claim so that all of them hold.

An interval of fixed level that is computed after every batch of prompts fails somewhere far more
often than it says. Here every look is held to one stricter level (Pocock 1977, "Group sequential
methods in the design and analysis of clinical trials"), chosen such that all intervals of an item
hold the truth together as often as promised: *repeated confidence intervals* (Jennison and Turnbull
1989). They hold whatever the reason to stop was. Their level is turned into intervals by the tests
of the project, which take it as it is (Jennison and Turnbull 2000, section 3.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
_NORMAL = NormalDist()


@lru_cache
def nominal_level(alpha: float, sizes: tuple[int, ...]) -> float:
    """The level of every look at which all of them together err with probability ``alpha``.

    Args:
        sizes: of the sample at each planned look, growing. Who stops earlier errs less.

    Raises:
        ValueError: sizes that do not grow, or an alpha outside 0..1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    strictest = np.log(alpha / len(sizes))  # Bonferroni's
    if len(sizes) == 1:
        return alpha
    log = scipy.optimize.brentq(
        lambda level: np.log(overall_p(np.exp(level), sizes) / alpha), strictest - 1e-9, 0
    )
    return float(np.exp(log))


def overall_p(smallest: float, sizes: Sequence[int]) -> float:
    """The chance that the smallest p of all looks is at most ``smallest`` where nothing is there.

    Of standardised means of a growing sample of independent and nearly normal values, two-sided.
    Found by integrating the density of who has not crossed yet from look to look (Armitage,
    McPherson and Rowe 1969, "Repeated significance tests on accumulating data").

    Raises:
        ValueError: sizes that do not grow from above 0.
    """
    if not sizes or np.any(np.diff([0, *sizes]) <= 0):
        raise ValueError(f"the sample must grow from look to look, got {tuple(sizes)}")
    if smallest / 2 <= 0 or smallest >= 1:
        return float(np.clip(smallest, 0, 1))
    bound = -_NORMAL.inv_cdf(smallest / 2)
    size = float(sizes[0])
    crossed = smallest
    at = bound * np.sqrt(size) * _NODES  # sums at which a walk that has not crossed may be
    inside = _density(at, size) * bound * np.sqrt(size) * _WEIGHTS
    for following in sizes[1:]:
        step, reach = following - size, bound * np.sqrt(following)
        beyond = scipy.special.ndtr((at - reach) / np.sqrt(step))
        beyond += scipy.special.ndtr((-at - reach) / np.sqrt(step))
        crossed += float(inside @ beyond)
        there = reach * _NODES
        inside = (_density(there[:, None] - at, step) @ inside) * reach * _WEIGHTS
        at, size = there, float(following)
    return min(crossed, 1.0)


def _density(value: npt.NDArray[np.float64], variance: float) -> npt.NDArray[np.float64]:
    density: npt.NDArray[np.float64] = np.exp(-np.square(value) / (2 * variance))
    scaled: npt.NDArray[np.float64] = density / np.sqrt(2 * np.pi * variance)
    return scaled
