"""The category of each head from its effects on two tasks, and how sure that category is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.statistics.clusters import CONFIDENCE
from circuit_scaling.vocabulary import CATEGORIES

_Floats = npt.NDArray[np.float64]

# Indexed by (is it strong on ioi) + 2 * (is it strong on anti), which is what a code is.
_NAMES = ("weak", "ioi_only", "anti_only", "shared")


class ShareInterval(NamedTuple):
    """Share of heads that truly are in one category, and its 95 % interval: 0..1, NaN: unknown."""

    share: float
    low: float
    high: float


class MeanInterval(NamedTuple):
    """Mean over the heads of one category with its 95 % interval (NaN: not known)."""

    mean: float
    low: float
    high: float


def categorise(
    delta_ioi: npt.ArrayLike, delta_anti: npt.ArrayLike, tau: float
) -> npt.NDArray[np.str_]:
    """Category of each head: ioi_only, anti_only, shared or weak.

    A head is strong on a task when |delta| >= tau (tau itself counts as strong), whichever the
    sign; both arrays are [..., heads], as the result is.

    Raises:
        ValueError: tau is not positive, or a delta is missing.
    """
    return np.array(_NAMES)[_codes(delta_ioi, delta_anti, tau)]


def category_stability(
    draws_ioi: npt.NDArray[np.float64],
    draws_anti: npt.NDArray[np.float64],
    categories: npt.ArrayLike,
    tau: float,
) -> npt.NDArray[np.float64]:
    """Share of bootstrap draws in which each head keeps the category it was given: [heads], 0..1.

    The draws are [draws, heads], paired row by row. A head without draws (NaN) gets NaN.

    Raises:
        ValueError: a category is unknown, tau is not positive, or the shapes do not fit.
    """
    given = np.asarray(categories, dtype=np.str_)
    unknown = sorted(set(given.tolist()) - set(CATEGORIES))
    if unknown:
        raise ValueError(f"unknown category {unknown[0]!r}; it must be one of {CATEGORIES}")
    if given.ndim != 1:
        raise ValueError(f"categories must be [heads], got shape {given.shape}")
    _check_draws(draws_ioi, draws_anti, given.size)
    drawn = ~np.isnan(draws_ioi + draws_anti).any(axis=0)
    stability = np.full(given.shape, np.nan)
    code = np.array([_NAMES.index(name) for name in given[drawn].tolist()], dtype=np.int8)
    same = _codes(draws_ioi[:, drawn], draws_anti[:, drawn], tau) == code
    stability[drawn] = same.mean(axis=0)
    return stability


def resolved(
    low_ioi: npt.ArrayLike,
    high_ioi: npt.ArrayLike,
    low_anti: npt.ArrayLike,
    high_anti: npt.ArrayLike,
    tau: float,
) -> npt.NDArray[np.object_]:
    """Whether the intervals of each head leave no doubt about its category: [heads].

    True when neither task's interval straddles +tau or -tau, that is, when no two values inside
    an interval fall on different sides of a threshold; False otherwise; None where a bound of
    either interval is missing. (Objects, for a nullable column.) All bounds are [heads].

    Raises:
        ValueError: tau is not positive, or an interval ends below its beginning.
    """
    _check_tau(tau)
    bounds = [np.asarray(b, dtype=np.float64) for b in (low_ioi, high_ioi, low_anti, high_anti)]
    missing = np.isnan(np.stack(bounds)).any(axis=0)
    clear = ~(straddles(bounds[0], bounds[1], tau) | straddles(bounds[2], bounds[3], tau))
    answer = clear.astype(object)
    answer[missing] = None
    return answer


def category_shares(
    deltas: tuple[_Floats, _Floats],
    errors: tuple[_Floats, _Floats],
    draws: tuple[_Floats, _Floats],
    tau: float,
) -> dict[str, ShareInterval]:
    """Share of a model's heads that truly are in each category, freed of the noise of the effects.

    Noise pushes heads over tau, so that the share of heads that are *seen* in a category is biased.
    Adding the same noise once more shows by how much: the share is extrapolated back along that
    line to effects without noise (Cook and Stefanski 1994, "Simulation-extrapolation"), seen -
    (expected with twice the noise - seen), where the noise added is normal with the heads' standard
    errors. It is cut at 0 and 1.

    The uncertainty is that of the effects over prompts: the heads are all there are, not a sample
    of heads. A draw carries the noise once more than the measured effects do, and to its own share
    the same is done; the interval is the share +- the 95 % quantile of the distance of the drawn
    shares from what was seen (Hall 1988, "On symmetric bootstrap confidence intervals"). How often
    it holds the true share: ``docs/coverage.md``. All is NaN where a head has no draws, and where
    the median head's larger standard error exceeds tau / 2: then the line does not lead back.

    Args:
        deltas: measured effects on the two tasks, each [heads].
        errors: their standard errors, each [heads].
        draws: bootstrap draws of the effects, each [draws, heads].
        tau: from this |effect| on a head is strong, in logits.

    Raises:
        ValueError: no heads, no draws, a delta that is missing, a tau that is not positive.
    """
    observed, drawn = _observed_and_drawn(*deltas, *draws, tau)
    if drawn is None:
        return {name: ShareInterval(np.nan, np.nan, np.nan) for name in CATEGORIES}
    seen, seen_in_draws = _shares(observed[None])[0], _shares(drawn)
    share = 2 * seen - _expected_shares(*deltas, errors, tau)
    of_draws = 2 * seen_in_draws - _expected_shares(*draws, errors, tau)
    half = np.quantile(np.abs(of_draws - seen), CONFIDENCE, axis=0)
    ends = np.clip([share, share - half, share + half], 0, 1)
    return {
        name: ShareInterval(*(float(end) for end in ends[:, _NAMES.index(name)]))
        for name in CATEGORIES
    }


def _shares(codes: npt.NDArray[np.int8]) -> _Floats:
    """Share of the heads with each code: [draws, heads] to [draws, categories]."""
    return np.stack([(codes == code).mean(axis=-1) for code in range(len(_NAMES))], axis=-1)


def _expected_shares(
    ioi: _Floats, anti: _Floats, errors: tuple[_Floats, _Floats], tau: float
) -> _Floats:
    """Shares to be expected if normal noise is added to the effects: [..., categories]."""
    strong_ioi, strong_anti = (
        _strong_with_noise(effects, error, tau)
        for effects, error in zip((ioi, anti), errors, strict=True)
    )
    heads = [
        (1 - strong_ioi) * (1 - strong_anti),
        strong_ioi * (1 - strong_anti),
        (1 - strong_ioi) * strong_anti,
        strong_ioi * strong_anti,
    ]
    return np.stack([of.mean(axis=-1) for of in heads], axis=-1)


def _strong_with_noise(effects: _Floats, error: _Floats, tau: float) -> _Floats:
    """Probability that |effect + noise| reaches tau."""
    noise = np.maximum(error, np.finfo(np.float64).tiny)
    below, above = (-tau - effects) / noise, (effects - tau) / noise
    probability: _Floats = scipy.special.ndtr(below) + scipy.special.ndtr(above)
    return probability


def category_means(
    values: npt.NDArray[np.float64],
    delta_ioi: npt.NDArray[np.float64],
    delta_anti: npt.NDArray[np.float64],
    draws_ioi: npt.NDArray[np.float64],
    draws_anti: npt.NDArray[np.float64],
    tau: float,
) -> dict[str, MeanInterval]:
    """Mean of ``values`` [heads] over the heads of each category, with 95 % intervals.

    Only the category is uncertain, not the value. The interval is the mean +- the 95 % quantile of
    the distance of the drawn means from it, and missing where a head has no draws or the median
    head's larger standard error exceeds tau / 2. The mean of a category without heads is missing;
    where more than 1 - 95 % of the draws leave it without heads, so is its interval. Deltas are
    [heads], draws [draws, heads].

    Raises:
        ValueError: as :func:`category_shares`.
    """
    observed, drawn = _observed_and_drawn(delta_ioi, delta_anti, draws_ioi, draws_anti, tau)
    means = {}
    for name in CATEGORIES:
        members = observed == _NAMES.index(name)
        mean = float(values[members].mean()) if members.any() else np.nan
        half = np.nan
        if drawn is not None and members.any():
            of_draw = drawn == _NAMES.index(name)
            sizes = of_draw.sum(axis=1)
            filled = sizes > 0
            if filled.mean() >= CONFIDENCE:
                moved = (of_draw[filled] @ values) / sizes[filled]
                half = float(np.quantile(np.abs(moved - mean), CONFIDENCE))
        means[name] = MeanInterval(mean, mean - half, mean + half)
    return means


def _observed_and_drawn(
    delta_ioi: npt.NDArray[np.float64],
    delta_anti: npt.NDArray[np.float64],
    draws_ioi: npt.NDArray[np.float64],
    draws_anti: npt.NDArray[np.float64],
    tau: float,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8] | None]:
    """Codes of the heads, and of each draw; None where draws are missing or too noisy.

    Too noisy: the median head's larger standard deviation over draws exceeds tau / 2.
    """
    observed = _codes(delta_ioi, delta_anti, tau)
    if observed.ndim != 1 or observed.size == 0:
        raise ValueError(f"deltas must be [heads] with at least one head, got {observed.shape}")
    _check_draws(draws_ioi, draws_anti, observed.size)
    noise = np.maximum(draws_ioi.std(axis=0), draws_anti.std(axis=0))
    # A comparison with NaN is false: heads without draws leave the bounds missing too.
    if not np.median(noise) <= tau / 2:
        return observed, None
    return observed, _codes(draws_ioi, draws_anti, tau)


def _codes(delta_ioi: npt.ArrayLike, delta_anti: npt.ArrayLike, tau: float) -> npt.NDArray[np.int8]:
    """Index into `_NAMES` of every pair of effects."""
    _check_tau(tau)
    ioi = np.asarray(delta_ioi, dtype=np.float64)
    anti = np.asarray(delta_anti, dtype=np.float64)
    if ioi.shape != anti.shape:
        raise ValueError(f"delta_ioi has shape {ioi.shape} but delta_anti {anti.shape}")
    for name, delta in (("delta_ioi", ioi), ("delta_anti", anti)):
        missing = np.isnan(delta)
        if missing.any():
            raise ValueError(
                f"{name} is missing for {missing.sum()} of {delta.size} heads (first: position "
                f"{np.flatnonzero(missing)[0]}); leave out heads without an effect"
            )
    return np.asarray((np.abs(ioi) >= tau) + 2 * (np.abs(anti) >= tau), dtype=np.int8)


def straddles(
    low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], tau: float
) -> npt.NDArray[np.bool_]:
    """Whether an interval holds values on both sides of a threshold (+-tau itself is strong).

    Args:
        low, high: [items].

    Raises:
        ValueError: an interval ends below its beginning.
    """
    if (low > high).any():
        raise ValueError("an interval has its low bound above its high bound")
    return ((low < tau) & (tau <= high)) | ((low <= -tau) & (-tau < high))


def _check_tau(tau: float) -> None:
    if not 0 < tau < np.inf:
        raise ValueError(f"tau must be a positive number, got {tau}")


def _check_draws(
    draws_ioi: npt.NDArray[np.float64], draws_anti: npt.NDArray[np.float64], n_heads: int
) -> None:
    if draws_ioi.shape != draws_anti.shape or draws_ioi.shape[1:] != (n_heads,):
        raise ValueError(
            f"draws must be [draws, {n_heads} heads] for both tasks, "
            f"got {draws_ioi.shape} and {draws_anti.shape}"
        )
    if len(draws_ioi) == 0:
        raise ValueError("no bootstrap draws given")
