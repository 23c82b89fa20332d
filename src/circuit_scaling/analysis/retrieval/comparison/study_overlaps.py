"""The study's findings about which heads are found alike (study, Q2, finding 7, method pairs).

J is the Jaccard index: of two sets of heads, how many are in both over how many are in any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.analysis.retrieval.comparison.averages import mean_of, sd_of
from circuit_scaling.analysis.retrieval.comparison.compared import (
    LENGTHS,
    METHODS,
    MODELS,
    QUESTIONS,
    Counts,
    Found,
    Ranked,
    Values,
    all_but,
)
from circuit_scaling.analysis.retrieval.comparison.roles import ModelPair, of_kind
from circuit_scaling.statistics.overlap import jaccard
from circuit_scaling.vocabulary import QUESTION_KINDS, QuestionKind

Sets = NDArray[np.bool_]
Places = Sequence[tuple[int, int]]

NO_PAIRS = (
    "no instruct model stands beside its base model; names that end in _instruct and _base are "
    "pairs, others are told by import.model_pairs"
)
_ALONE = "no two of them were measured that could be compared"


def overlap_findings(
    ranked: Ranked, top: int, kinds: Mapping[str, QuestionKind], pairs: Sequence[ModelPair]
) -> list[Found]:
    """Every finding of the study that compares the ``top`` best heads of rankings.

    Args:
        kinds: of the questions, where known.
        pairs: of models of ``ranked``.
    """
    tops = ranked.top(top)
    return [
        *_of_configurations(ranked, tops, pairs),
        _of_methods(ranked, tops),
        *_of_questions(ranked, tops, kinds),
    ]


def _of_configurations(ranked: Ranked, tops: Sets, pairs: Sequence[ModelPair]) -> list[Found]:
    """J of two configurations that differ in one axis alone, and its means."""
    methods, models, questions, lengths = ranked.axes
    by_question = _overlaps(ranked, tops, QUESTIONS, _pairs(len(questions)))
    by_length = _overlaps(ranked, tops, LENGTHS, _pairs(len(lengths)))
    by_method = _overlaps(ranked, tops, METHODS, _pairs(len(methods)))
    at = [(models.index(pair.base), models.index(pair.instruct)) for pair in pairs]
    by_model = _overlaps(ranked, tops, MODELS, at)

    differing = {
        "question": by_question,
        "token_length": by_length,
        "model": by_model,
        "method": by_method,
    }
    mean, n = _stacked(mean_of(overlaps) for overlaps in differing.values())
    sd = np.array([sd_of(overlaps) for overlaps in differing.values()])
    why = (
        "no two rankings differ in it alone; of models, base and instruct count"
        " (import.model_pairs)"
    )
    no_model = "no pair of models was measured" if pairs else NO_PAIRS
    of_pair = mean_of(by_method, all_but(METHODS))
    within = [methods, models]
    return [
        Found.over("f7_overlap_mean", [differing], mean, n, why),
        Found.over("f7_overlap_sd", [differing], sd, n, why),
        Found.over(
            "question_overlap", [*within, _names(questions)], *mean_of(by_question, LENGTHS), _ALONE
        ),
        Found.over(
            "length_overlap", [*within, _names(lengths)], *mean_of(by_length, QUESTIONS), _ALONE
        ),
        _both_ways("method_overlap", methods, *of_pair),
        Found.over(
            "model_overlap", [methods, questions], *mean_of(by_model, (MODELS, LENGTHS)), no_model
        ),
    ]


def _of_methods(ranked: Ranked, tops: Sets) -> Found:
    """J of all heads that two methods find in any of their configurations."""
    unions = np.asarray(tops.any(axis=all_but(METHODS)))
    n = ranked.measured.sum(axis=all_but(METHODS))
    return _both_ways("method_pair_jaccard_of_unions", ranked.axes.methods, *_of_sets(unions, n))


def _of_questions(ranked: Ranked, tops: Sets, kinds: Mapping[str, QuestionKind]) -> list[Found]:
    """J of all heads that are found for two questions, or two kinds, in any configuration."""
    questions = ranked.axes.questions
    unions = np.asarray(tops.any(axis=all_but(QUESTIONS)))
    n = ranked.measured.sum(axis=all_but(QUESTIONS))
    of_kinds = [of_kind(questions, kinds, kind) for kind in QUESTION_KINDS]
    within = [mean_of(_of_sets(unions[members], n[members])[0])[0] for members in of_kinds]
    sides = np.array([unions[members].any(axis=0) for members in of_kinds])
    n_sides = np.array([n[members].sum() for members in of_kinds])
    between, n_between = _of_sets(sides, n_sides)
    keys = [*(f"within_{kind}" for kind in QUESTION_KINDS), "between"]
    values, counts = np.array([*within, *between]), np.array([*n_sides, *n_between])
    why = (
        "needs two questions of the kind, or one of each; questions of your own have the kinds "
        "that import.question_kinds tells"
    )
    return [
        Found.over("q2_jaccard_of_unions", [keys], values, counts, why),
        Found.over("question_union_jaccard", [_names(questions)], *_of_sets(unions, n), _ALONE),
    ]


def _overlaps(ranked: Ranked, tops: Sets, axis: int, pairs: Places) -> Values:
    """J of configurations at two places of an axis, in whose stead there are the pairs.

    NaN where one of the two was not measured.
    """
    sets, measured = np.moveaxis(tops, axis, 0), np.moveaxis(ranked.measured, axis, 0)
    found = [
        np.where(measured[a] & measured[b], jaccard(sets[a], sets[b]), np.nan) for a, b in pairs
    ]
    return np.moveaxis(np.array(found).reshape(len(pairs), *measured.shape[1:]), 0, axis)


def _of_sets(sets: Sets, n: Counts) -> tuple[Values, Counts]:
    """J of every two of some sets [sets, heads], and of how many configurations both are.

    NaN of a set of no configurations.
    """
    pairs = _pairs(len(sets))
    overlaps = [jaccard(sets[a], sets[b]) if n[a] and n[b] else np.nan for a, b in pairs]
    return np.array(overlaps, float), np.array([n[a] + n[b] for a, b in pairs], np.int64)


def _both_ways(finding: str, labels: Sequence[str], values: Values, n: Counts) -> Found:
    """A finding about pairs, so that either order finds it."""
    at = {pair: place for place, pair in enumerate(_pairs(len(labels)))}
    ordered = list(permutations(range(len(labels)), 2))
    places = [at[min(pair), max(pair)] for pair in ordered]
    names = [f"{labels[a]}|{labels[b]}" for a, b in ordered]
    return Found.over(finding, [names], values[places], n[places], _ALONE)


def _pairs(n: int) -> list[tuple[int, int]]:
    return list(combinations(range(n), 2))


def _names(labels: Iterable[object]) -> list[str]:
    """Keys of the pairs of an axis, in the order of ``_pairs``."""
    return [f"{one}|{other}" for one, other in combinations(labels, 2)]


def _stacked(found: Iterable[tuple[Values, Counts]]) -> tuple[Values, Counts]:
    values, n = zip(*found, strict=True)
    return np.array(values, np.float64), np.array(n, np.int64)
