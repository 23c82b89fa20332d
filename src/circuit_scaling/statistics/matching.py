"""Which head of one model does what a head of another does, and whether their effects agree."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.agreement import pearson, spearman

_Floats = npt.NDArray[np.float64]
_Places = npt.NDArray[np.intp]
_TIE = 1e-12  # equal up to rounding counts as equal


class Matches(NamedTuple):
    """Matched heads: the i-th of ``base`` goes with the i-th of ``target``, each [matched]."""

    base: _Places
    target: _Places


class MatchedAgreement(NamedTuple):
    """Correlations of the effects of matched heads, each with its one-sided permutation p."""

    spearman: float
    p_spearman: float
    pearson: float
    p_pearson: float


def match_profiles(base: npt.ArrayLike, target: npt.ArrayLike) -> Matches:
    """The one-to-one matching of heads whose profiles differ least in all.

    Profiles are [heads, scores], the same scores in both. Every score is standardised over the
    heads of both models together; a score that no head differs in is left out. The cost of a pair
    is the squared distance of its profiles, and the matching is the optimal assignment
    (Hungarian method; Crouse 2016). Of unequal models the larger keeps heads unmatched: as many
    are matched as the smaller has. The order is that of the base's heads.

    Raises:
        ValueError: profiles have different widths, a value is missing, or no score varies at all
            (then any matching is as good as any other).
    """
    left, right = (np.asarray(side, dtype=np.float64) for side in (base, target))
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1]:
        raise ValueError(
            f"profiles must be [heads, scores] with equal scores, got {left.shape}, {right.shape}"
        )
    both = np.concatenate([left, right])
    if not np.isfinite(both).all():
        raise ValueError("a profile is missing: match only heads whose every score is known")
    varies = np.ptp(both, axis=0) > 0
    if not varies.any():
        raise ValueError("no score differs between heads: there is nothing to match by")
    scores = both[:, varies]
    scores = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    cost = scipy.spatial.distance.cdist(scores[: len(left)], scores[len(left) :], "sqeuclidean")
    return Matches(*scipy.optimize.linear_sum_assignment(cost))


def matched_agreement(
    base_effects: npt.ArrayLike,
    target_effects: npt.ArrayLike,
    target_bands: npt.ArrayLike,
    draws: int,
    rng: np.random.Generator,
) -> MatchedAgreement:
    """Do matched heads have like effects, more than heads of the same band would by chance?

    All arguments are [matched], in the order of the matching; the bands are labels of the target's
    heads, such as their layers. The null exchanges the target's effects within bands, so that a
    correlation that only says *late layers matter in both* is no evidence. p is one-sided (like
    effects correlate positively), (1 + b) / (1 + ``draws``). A correlation that is not defined,
    for fewer than two heads or constant effects, is NaN with its p.
    """
    left, right = (np.asarray(side, dtype=np.float64) for side in (base_effects, target_effects))
    observed = spearman(left, right), pearson(left, right)
    if np.isnan(observed).any():
        return MatchedAgreement(*4 * (float("nan"),))
    order = _within_bands(np.asarray(target_bands), draws, rng)
    ps = []
    for x, y in ((scipy.stats.rankdata(left), scipy.stats.rankdata(right)), (left, right)):
        # Exchanging values changes neither mean nor spread: only the product is left to compare.
        centred = (x - x.mean()) / (np.linalg.norm(x - x.mean()) * np.linalg.norm(y - y.mean()))
        null = y[order] @ centred
        ps.append((1 + int((null >= y @ centred - _TIE).sum())) / (1 + draws))
    return MatchedAgreement(observed[0], ps[0], observed[1], ps[1])


def _within_bands(bands: npt.NDArray[np.generic], draws: int, rng: np.random.Generator) -> _Places:
    """Random orders of the places that keep every place in its band: [draws, places]."""
    order = np.empty((draws, bands.size), dtype=np.intp)
    for band in np.unique(bands):
        places = np.flatnonzero(bands == band)
        order[:, places] = rng.permuted(np.broadcast_to(places, (draws, places.size)), axis=1)
    return order
