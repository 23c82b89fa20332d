"""The study's findings about rankings, each by its one definition (study, Q4 and findings 1 to 6).

A mean rank is over the configurations that list the head; one that does not list it says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from circuit_scaling.analysis.retrieval.comparison.averages import mean_of, ratio, sd_of
from circuit_scaling.analysis.retrieval.comparison.compared import (
    LENGTHS,
    METHODS,
    QUESTIONS,
    Counts,
    Found,
    Ranked,
    Values,
    all_but,
)
from circuit_scaling.analysis.retrieval.comparison.roles import ModelPair
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.analysis.retrieval.comparison.study_overlaps import (
    NO_PAIRS,
    overlap_findings,
)
from circuit_scaling.vocabulary import QuestionKind

_OF_METHOD = all_but(METHODS)
_OF_QUESTION = all_but(QUESTIONS)


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
    used = ranked.measured.any(axis=_OF_METHOD)
    agreed = np.where(used.any(), (ranks < settings.consensus_rank)[used].all(axis=0), np.nan)
    methods, heads = ranked.axes.methods, ranked.head_names()
    why = "the method lists the head nowhere"
    return [
        Found.over("f1_mean_rank", [methods, heads], ranks, n, why),
        Found.over("f1_consensus", [heads], agreed, n.sum(axis=0)),
    ]


def _specialists(ranked: Ranked) -> list[Found]:
    """How high a head is ranked for one question, and for the others on average."""
    ranks, n = mean_of(
        np.moveaxis(ranked.ranks, QUESTIONS, -1), (1, 2)
    )  # [methods, heads, questions]
    known = ~np.isnan(ranks)
    n_others = known.sum(axis=2, keepdims=True) - known
    total = np.nansum(ranks, axis=2, keepdims=True)
    others = ratio(total - np.where(known, ranks, 0), n_others)
    keys = [ranked.axes.methods, ranked.head_names(), ranked.axes.questions]
    unlisted = "the method does not list the head for {}"
    return [
        Found.over("f3_specialist_rank", keys, ranks, n, unlisted.format("the question")),
        Found.over(
            "f3_other_rank",
            keys,
            others,
            n_others,
            unlisted.format("another question, or there is none"),
        ),
    ]


def _rank_changes(ranked: Ranked, pairs: Sequence[ModelPair]) -> Found:
    """Mean rank in the instruct model minus that in its base model, averaged over the pairs."""
    ranks, n = mean_of(ranked.ranks, (QUESTIONS, LENGTHS))  # [methods, models, heads]
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
    methods, questions, heads = ranked.axes.methods, ranked.axes.questions, ranked.head_names()
    often = ranked.top(settings.top).sum(axis=_OF_METHOD)
    n = ranked.measured.sum(axis=_OF_METHOD)[:, None]
    most = np.argsort(-often, axis=1, kind="stable")[:, : settings.frequent]
    kept = np.zeros_like(often)
    np.put_along_axis(kept, most, np.take_along_axis(often, most, axis=1), axis=1)
    of_layers = _by_layer(kept, ranked)
    shares = ratio(of_layers, of_layers.sum(axis=1, keepdims=True))

    n_asked = ranked.measured.sum(axis=_OF_QUESTION)[:, None]
    asked = ranked.top(settings.layer_top).sum(axis=_OF_QUESTION)
    of_heads = np.where(n_asked > 0, asked, np.nan)
    asked_of_layers = _by_layer(of_heads, ranked)
    layers = range(of_layers.shape[1])
    return [
        Found.over("universal_share", [methods, heads], ratio(often, n), n),
        Found.over("f2_layer_share", [methods, layers], shares, n),
        Found.over("q4_layer_frequency", [questions, layers], asked_of_layers, n_asked),
        Found.over("q4_head_frequency", [questions, heads], of_heads, n_asked),
    ]


def _by_layer(counts: Counts | Values, ranked: Ranked) -> Values:
    """Sums over the heads of each layer, [..., layers], to the last layer that is listed."""
    layers = np.array([layer for layer, _ in ranked.heads], dtype=np.int64)
    in_layer = layers[:, None] == np.arange(layers.max(initial=-1) + 1)
    return np.asarray(counts.astype(np.float64) @ in_layer)
