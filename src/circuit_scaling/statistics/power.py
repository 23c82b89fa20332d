"""What effect a measurement could have found, and how many prompts would settle a question."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from circuit_scaling.statistics.clusters import MIDDLE

# Two-sided test at alpha = 0.05; power 0.80.
_Z_TWO_SIDED = NormalDist().inv_cdf(MIDDLE[1])
_Z_POWER = NormalDist().inv_cdf(0.80)


def minimal_detectable_effect(se: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """True effect that a two-sided test at 0.05 finds with 80 % power: about 2.8 x `se`.

    In the unit and shape of `se`, for a normal estimate; NaN stays NaN.

    Raises:
        ValueError: a standard error is below 0.
    """
    return (_Z_TWO_SIDED + _Z_POWER) * _standard_errors(se)


def prompts_needed(
    se: npt.ArrayLike, n_prompts: int, distance: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Smallest number of prompts whose 95 % interval has a half width below `distance`.

    `se` was measured on `n_prompts` prompts; further prompts are taken to come like them, in as
    many new clusters per prompt, so that se falls with the root of their number. For a head's
    category `distance` is how far |delta| lies from tau. Whole numbers held as floats: infinity
    for a distance of 0, which no number of prompts settles; NaN where either is missing. `se` and
    `distance` are [heads], or broadcast.

    Raises:
        ValueError: a standard error or a distance is below 0, or there is less than 1 prompt.
    """
    if n_prompts < 1:
        raise ValueError(f"n_prompts must be at least 1, got {n_prompts}")
    error = _standard_errors(se)
    reach = np.asarray(distance, dtype=np.float64)
    if (reach < 0).any():
        raise ValueError("distance must not be negative; give its absolute value")
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.floor(n_prompts * (_Z_TWO_SIDED * error / reach) ** 2) + 1
    return np.where((reach == 0) & ~np.isnan(error), np.inf, needed)


def prompts_for_shares(
    needed: npt.NDArray[np.float64], shares: Sequence[float]
) -> dict[float, float]:
    """The smallest number of prompts that settles each of some shares of the heads.

    `needed` [heads] is what :func:`prompts_needed` gives for each head. Infinity for a share that
    no number settles; NaN throughout where a head's need is not known.
    """
    if np.isnan(needed).any():
        return dict.fromkeys(shares, float("nan"))
    ordered = np.sort(needed)
    # Before rounding errors of share * heads: 0.8 of 5 heads are 4.
    places = [int(np.ceil(round(share * len(ordered), 9))) - 1 for share in shares]
    return {share: float(ordered[place]) for share, place in zip(shares, places, strict=True)}


def _standard_errors(se: npt.ArrayLike) -> npt.NDArray[np.float64]:
    given = np.asarray(se, dtype=np.float64)
    if (given < 0).any():
        raise ValueError("a standard error must not be negative")
    return given
