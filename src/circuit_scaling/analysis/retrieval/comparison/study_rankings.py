"""The study's findings about rankings, each by its one definition (study, Q4 and findings 1 to 6).

A mean rank is over the configurations that list the head; one that does not list it says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from circuit_scaling.analysis.retrieval.comparison.averages import mean_of, ratio, sd_of
from circuit_scaling.analysis.retrieval.comparison.compared import Counts, Found, Ranked, Values
from circuit_scaling.analysis.retrieval.comparison.roles import ModelPair
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.analysis.retrieval.comparison.study_overlaps import (
    NO_PAIRS,
    overlap_findings,
)
from circuit_scaling.vocabulary import QuestionKind

_OF_METHOD = (1, 2, 3)  # all axes of configurations but the method


def ranking_findings(
    ranked: Ranked,
    settings: ComparisonSettings,
    kinds: Mapping[str, QuestionKind],
    pairs: Sequence[ModelPair],
) -> list[Found]:
    """Every finding of the study that rests on rankings, on all configurations of the table.

    Which groups there are depends on what was compared, never on ranks and scores.

    Args:
        kinds: of the questions, where known.
        pairs: instruct models and their base models; those count that ``ranked`` has both.
    """
    pairs = [pair for pair in pairs if set(pair) <= set(ranked.axes.models)]
    return [
        *_mean_ranks(ranked, settings),
        *_specialists(ranked),
        _rank_changes(ranked, pairs),
        *_volatility(ranked),
        _gaps(ranked),
        *_frequencies(ranked, settings),
        *overlap_findings(ranked, settings.top, kinds, pairs),
    ]


def _mean_ranks(ranked: Ranked, settings: ComparisonSettings) -> list[Found]:
    """How high each method ranks a head, and which heads all methods rank high."""
    ranks, n = mean_of(ranked.ranks, _OF_METHOD)
    agreed = np.asarray((ranks < settings.consensus_rank).all(axis=0))
    heads = ranked.head_names()
    return [
        Found.over(
            "f1_mean_rank",
            [ranked.axes.methods, heads],
            ranks,
            n,
            "the method lists the head nowhere",
        ),
        Found.over("f1_consensus", [heads], agreed.astype(np.float64), n.sum(axis=0)),
    ]


def _specialists(ranked: Ranked) -> list[Found]:
    """How high a head is ranked for one question, and for the others on average."""
    ranks, n = mean_of(np.moveaxis(ranked.ranks, 2, -1), (1, 2))  # [methods, heads, questions]
    known = ~np.isnan(ranks)
    n_others = known.sum(axis=2, keepdims=True) - known
    total = np.nansum(ranks, axis=2, keepdims=True)
    others = ratio(total - np.where(known, ranks, 0), n_others)
    keys = [ranked.axes.methods, ranked.head_names(), ranked.axes.questions]
    unlisted = "the method lists the head nowhere for {}"
    return [
        Found.over("f3_specialist_rank", keys, ranks, n, unlisted.format("the question")),
        Found.over("f3_other_rank", keys, others, n_others, unlisted.format("another question")),
    ]


def _rank_changes(ranked: Ranked, pairs: Sequence[ModelPair]) -> Found:
    """Mean rank in the instruct model minus that in its base model, averaged over the pairs."""
    ranks, n = mean_of(ranked.ranks, (2, 3))  # [methods, models, heads]
    base = [ranked.axes.models.index(pair.base) for pair in pairs]
    instruct = [ranked.axes.models.index(pair.instruct) for pair in pairs]
    changes = ranks[:, instruct] - ranks[:, base]
    listed = np.where(np.isnan(changes), 0, n[:, instruct] + n[:, base]).sum(axis=1)
    why = "the method does not list the head in both models of a pair" if pairs else NO_PAIRS
    keys = [ranked.axes.methods, ranked.head_names()]
    return Found.over("f4_rank_change", keys, mean_of(changes, 1)[0], listed, why)


def _volatility(ranked: Ranked) -> list[Found]:
    """How a head's rank differs between configurations, where half of them or more list it."""
    n = (~np.isnan(ranked.ranks)).sum(axis=_OF_METHOD)
    often = 2 * n >= ranked.measured.sum(axis=_OF_METHOD)[:, None]
    found = {
        "f5_rank_sd": sd_of(ranked.ranks, _OF_METHOD),
        "f5_rank_min": np.fmin.reduce(ranked.ranks, axis=_OF_METHOD, initial=np.nan),
        "f5_rank_max": np.fmax.reduce(ranked.ranks, axis=_OF_METHOD, initial=np.nan),
    }
    keys = [ranked.axes.methods, ranked.head_names()]
    why = "the method lists the head in fewer than half of its configurations"
    return [
        Found.over(name, keys, np.where(often, values, np.nan), n, why)
        for name, values in found.items()
    ]


def _gaps(ranked: Ranked) -> Found:
    """By what share of the best head's score the second is below it."""
    if len(ranked.heads) > 1:
        best = np.argpartition(ranked.ranks, 1, axis=-1)[..., :2]  # missing ranks sort last
        first, second = np.moveaxis(np.take_along_axis(ranked.scores, best, axis=-1), -1, 0)
    else:
        first = second = np.full(ranked.measured.shape, np.nan)
    gap, n = mean_of(ratio(first - second, first), _OF_METHOD)
    why = "no configuration has two heads with scores, the best one's not 0"
    return Found.over("f6_gap", [ranked.axes.methods], gap, n, why)


def _frequencies(ranked: Ranked, settings: ComparisonSettings) -> list[Found]:
    """Which heads and layers are found again and again, by a method and for a question."""
    axes, heads = ranked.axes, ranked.head_names()
    found = ranked.top(settings.top).sum(axis=_OF_METHOD)
    n = ranked.measured.sum(axis=_OF_METHOD)[:, None]
    most = np.argsort(-found, axis=1, kind="stable")[:, : settings.frequent]
    kept = np.zeros_like(found)
    np.put_along_axis(kept, most, np.take_along_axis(found, most, axis=1), axis=1)
    shares = _by_layer(kept, ranked)

    per_question = (0, 1, 3)
    asked = ranked.top(settings.layer_top).sum(axis=per_question)
    n_asked = ranked.measured.sum(axis=per_question)[:, None]
    layers = _by_layer(asked, ranked)
    return [
        Found.over("universal_share", [axes.methods, heads], ratio(found, n), n),
        Found.over(
            "f2_layer_share",
            [axes.methods, range(shares.shape[1])],
            ratio(shares, shares.sum(axis=1, keepdims=True)),
            n,
        ),
        Found.over("q4_layer_frequency", [axes.questions, range(layers.shape[1])], layers, n_asked),
        Found.over("q4_head_frequency", [axes.questions, heads], asked.astype(float), n_asked),
    ]


def _by_layer(counts: Counts, ranked: Ranked) -> Values:
    """Sums over the heads of each layer, [..., layers], from the first to the last listed."""
    layers = np.array([layer for layer, _ in ranked.heads], dtype=np.int64)
    in_layer = layers[:, None] == np.arange(layers.max(initial=-1) + 1)
    return np.asarray(counts.astype(np.float64) @ in_layer)
