"""95 % intervals of findings: what other filings would give, for as many of them.

Which interval holds what it promises was found by simulation: ``docs/coverage.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import scipy  # its submodules load on first use, which keeps importing this module cheap
from numpy.typing import NDArray

from circuit_scaling.analysis.retrieval.comparison.compared import Found, Masked, Ranked, Values
from circuit_scaling.analysis.retrieval.comparison.findings import Intervals
from circuit_scaling.analysis.retrieval.comparison.samples import SampledAnswers, SampledScores
from circuit_scaling.statistics.clusters import MIDDLE, MIN_CLUSTERS, ClusterTotals
from circuit_scaling.statistics.means import cluster_means
from circuit_scaling.statistics.shares import within_bounds

_Compared = TypeVar("_Compared", Ranked, Masked)
_Bools = NDArray[np.bool_]

_INFINITE = float("inf")
_ROUNDING = 1e-12

# Means and spreads of ranks, which every filing moves a little.
_SMOOTH = frozenset(
    {"f1_mean_rank", "f3_specialist_rank", "f3_other_rank", "f4_rank_change", "f5_rank_sd"}
)
# Extremes, and yes or no: resampling does not say how they vary.
_WITHOUT = frozenset({"f5_rank_min", "f5_rank_max", "f1_consensus"})
# Where values lie that are neither shares nor overlaps.
_BOUNDS = {
    **dict.fromkeys(("f1_mean_rank", "f3_specialist_rank", "f3_other_rank"), (1.0, _INFINITE)),
    **dict.fromkeys(("f5_rank_sd", "q4_layer_frequency", "q4_head_frequency"), (0.0, _INFINITE)),
    "f4_rank_change": (-_INFINITE, _INFINITE),
}
_UNBOUNDED = "relative_"  # ratios of accuracies, which may be above 1
_SPREAD = "q3_drop_sd"


def drop_intervals(answers: SampledAnswers, find: Callable[[Masked], Sequence[Found]]) -> Intervals:
    """Intervals of findings about accuracies, paired over filings.

    A finding is made without each of its filings; the pseudo-values (Tukey 1958), of which every
    filing has one over all configurations, have the interval of `cluster_means`. It is cut where a
    drop ends, at -1 and 1. Where all filings are alike, as many unseen ones as `within_bounds` says
    may lie at these ends, and a ratio or a spread has no interval. NaN where a finding rests on
    fewer than `MIN_CLUSTERS` filings.

    Args:
        find: makes findings, the same groups whatever the accuracies.
    """
    found = find(answers.masked)
    value = _flat(found)
    low, high = np.full((2, len(value)), np.nan)
    if len(answers.filings) < MIN_CLUSTERS:
        return _by_finding(found, low, high)
    rests = _resting(answers.masked, _no_accuracies, find, answers.present())
    every = np.ones(len(answers.filings))
    whole = _flat(find(answers.weighted(every)))
    without = [_flat(find(answers.weighted(every - one))) for one in np.eye(len(every))]
    moved = whole - np.array(without)
    patterns, of_group = np.unique(rests, axis=0, return_inverse=True)
    for pattern, own in enumerate(patterns):
        n = int(own.sum())
        groups = np.flatnonzero((of_group.ravel() == pattern) & np.isfinite(value))
        if n < MIN_CLUSTERS or not len(groups):
            continue
        added = (n - 1) * moved[np.ix_(own, groups)]
        pseudo = value[groups, None] + (added - added.mean(axis=0)).T
        means = cluster_means(ClusterTotals(tuple(map(str, range(n))), pseudo, np.ones(n)))
        low[groups], high[groups] = means.low, means.high
    n_filings = rests.sum(axis=1)
    names = np.repeat([f.finding for f in found], [len(f.groups) for f in found])
    for at in np.flatnonzero(np.isfinite(low)):
        if not (names[at].startswith(_UNBOUNDED) or names[at] == _SPREAD):
            ends = float(low[at]), float(high[at])
            low[at], high[at] = within_bounds(value[at], ends, int(n_filings[at]), (-1.0, 1.0))
        elif low[at] == high[at]:
            low[at] = high[at] = np.nan
    return _by_finding(found, low, high)


def ranking_intervals(
    scores: SampledScores,
    find: Callable[[Ranked], Sequence[Found]],
    n_boot: int,
    rng: np.random.Generator,
) -> Intervals:
    """Intervals of findings about rankings, for their expected value with as many filings.

    Filings are drawn anew, the same in all configurations. The value has a t interval with the
    bootstrap's standard error, freed of its factor sqrt((n - 1) / n). Means and spreads of ranks
    take the jackknife's where it is larger: a head that scores on few filings varies too little in
    resamples. Of sets, which change by whole heads, the jackknife's is far too large; overlaps and
    shares have their interval widened to the percentiles instead. Bare percentiles miss most often,
    because noise pushes ranks to the middle, and a resample has it twice.

    NaN where a finding rests on fewer than `MIN_CLUSTERS` filings, where no resample moves it, for
    the extremes of ranks and for yes or no.

    Args:
        find: makes findings, the same groups whatever the ranks and scores.
        n_boot: resamples.
    """
    found = find(scores.ranked)
    value, n_all = _flat(found), len(scores.filings)
    names = np.repeat([f.finding for f in found], [len(f.groups) for f in found])
    if n_all < MIN_CLUSTERS:
        return _by_finding(found, *np.full((2, len(value)), np.nan))
    n = _resting(scores.ranked, _no_ranking, find, scores.present()).sum(axis=1)
    usable = (n >= MIN_CLUSTERS) & ~np.isin(names, sorted(_WITHOUT))
    every = np.ones(n_all)
    drawn = rng.multinomial(n_all, every / n_all, size=n_boot).astype(np.float64)
    resampled = np.array([_flat(find(scores.weighted(weights))) for weights in drawn])
    whole = _flat(find(scores.weighted(every)))
    without = np.array([_flat(find(scores.weighted(every - one))) for one in np.eye(n_all)])

    n = np.where(usable, n, MIN_CLUSTERS)
    error = np.sqrt(n / (n - 1)) * _spread(resampled)
    smooth = np.isin(names, sorted(_SMOOTH))
    jackknife = np.sqrt((n - 1) / n * np.nansum(np.square(without - whole), axis=0))
    error = np.where(smooth, np.maximum(error, jackknife), error)
    half = scipy.special.stdtrit(n - 1, MIDDLE[1]) * error
    low, high = value - half, value + half
    below, above = _percentiles(resampled[:, ~smooth])
    low[~smooth], high[~smooth] = np.fmin(low[~smooth], below), np.fmax(high[~smooth], above)
    least, most = np.array([_BOUNDS.get(name, (0.0, 1.0)) for name in names]).T
    known = usable & (error > _ROUNDING)
    low = np.where(known, np.maximum(low, np.minimum(least, value)), np.nan)
    high = np.where(known, np.minimum(high, np.maximum(most, value)), np.nan)
    return _by_finding(found, low, high)


def _resting(
    compared: _Compared,
    blank: Callable[[_Compared, int, int], _Compared],
    find: Callable[[_Compared], Sequence[Found]],
    present: _Bools,
) -> _Bools:
    """On which filings each group of the findings rests: [groups, filings].

    A group rests on the configurations of some methods, models, questions and lengths: those
    without which it has another value or another n. Where no single one of an axis makes a
    difference, as where all are alike, it is taken to rest on all.
    """
    before = find(compared)
    value, n = _flat(before), np.concatenate([f.n for f in before])
    rests = np.ones((len(value), *present.shape[1:]), dtype=bool)
    for axis, size in enumerate(present.shape[1:]):
        moved = np.empty((len(value), size), dtype=bool)
        for place in range(size):
            after = find(blank(compared, axis, place))
            same = np.isclose(value, _flat(after), rtol=0, atol=0, equal_nan=True)
            moved[:, place] = ~same | (n != np.concatenate([f.n for f in after]))
        moved |= ~moved.any(axis=1, keepdims=True)
        rests &= np.moveaxis(moved.reshape(len(value), size, 1, 1, 1), 1, axis + 1)
    on = rests.reshape(len(value), -1).astype(np.float32)
    return np.asarray(on @ present.reshape(len(present), -1).T.astype(np.float32) > 0)


def _no_ranking(ranked: Ranked, axis: int, place: int) -> Ranked:
    """Without the rankings at one place of an axis."""
    ranks, scores = (_blank(values, axis, place) for values in (ranked.ranks, ranked.scores))
    return replace(ranked, ranks=ranks, scores=scores)


def _no_accuracies(masked: Masked, axis: int, place: int) -> Masked:
    """Without the accuracies at one place of an axis."""
    return replace(
        masked,
        baseline=_blank(masked.baseline, axis, place),
        hero=_blank(masked.hero, axis, place),
        random=_blank(masked.random, axis, place),
    )


def _blank(values: Values, axis: int, place: int) -> Values:
    left = np.moveaxis(values.copy(), axis, 0)
    left[place] = np.nan
    return np.moveaxis(left, 0, axis)


def _spread(resampled: Values) -> Values:
    """Standard deviation over the resamples that have a value: [groups]."""
    known = np.isfinite(resampled)
    n = known.sum(axis=0)
    filled = np.where(known, resampled, 0)
    mean = filled.sum(axis=0) / np.maximum(n, 1)
    squares = np.where(known, np.square(resampled - mean), 0).sum(axis=0)
    return np.asarray(np.sqrt(squares / np.maximum(n - 1, 1)))


def _percentiles(resampled: Values) -> Values:
    """Of the resamples that have a value: [2, groups]; NaN where none has."""
    ordered = np.sort(resampled, axis=0)  # missing ones come last
    last = np.maximum(np.isfinite(resampled).sum(axis=0) - 1, 0)
    ends = []
    for end in MIDDLE:
        below = np.floor(end * last).astype(np.intp)
        near = np.take_along_axis(ordered, np.stack([below, np.minimum(below + 1, last)]), axis=0)
        ends.append(near[0] + (end * last - below) * (near[1] - near[0]))
    return np.array(ends)


def _flat(found: Sequence[Found]) -> Values:
    return np.concatenate([f.values for f in found])


def _by_finding(found: Sequence[Found], low: Values, high: Values) -> Intervals:
    ends = np.cumsum([len(f.groups) for f in found])[:-1]
    parts = zip(found, np.split(low, ends), np.split(high, ends), strict=True)
    return {f.finding: (lows, highs) for f, lows, highs in parts}
