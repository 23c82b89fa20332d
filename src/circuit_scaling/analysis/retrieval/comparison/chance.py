"""How much the best heads of rankings would overlap if they were drawn at random."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np
import scipy  # its submodules load on first use, which keeps importing this module cheap
from numpy.typing import NDArray

from circuit_scaling.analysis.retrieval.comparison.compared import (
    LENGTHS,
    METHODS,
    MODELS,
    QUESTIONS,
    Found,
    Ranked,
    all_but,
)
from circuit_scaling.analysis.retrieval.comparison.findings import Intervals
from circuit_scaling.analysis.retrieval.comparison.roles import ModelPair, of_kind
from circuit_scaling.statistics.clusters import MIDDLE
from circuit_scaling.statistics.overlap import RandomOverlap, random_jaccard
from circuit_scaling.vocabulary import QUESTION_KINDS, QuestionKind

_Levels = dict[str, tuple[RandomOverlap, int]]  # group -> chance, and of how many

_NONE = RandomOverlap(*[float("nan")] * 4)
_WHY = (
    "no two rankings differ in it alone (of models, base and instruct count), or their models have"
    " unequal numbers of heads"
)


class Chance(NamedTuple):
    """Chance levels, and for each the middle 95 % of what random heads give."""

    found: list[Found]
    ranges: Intervals


def chance_findings(
    ranked: Ranked, top: int, kinds: Mapping[str, QuestionKind], pairs: Sequence[ModelPair]
) -> Chance:
    """Chance levels of the overlaps of the ``top`` best heads of rankings, and of their unions.

    Random heads are drawn out of all heads of the model, as many as the ranking has (a list may be
    shorter than ``top``), or as the union has. For the mean of several overlaps they are drawn
    anew in every configuration; its range is then that of a normal distribution with their exact
    variance.

    Args:
        kinds: of the questions, where known.
        pairs: of a base and an instruct model; those count that ``ranked`` has both.
    """
    methods, models, questions, lengths = ranked.axes
    at_models = [
        (models.index(pair.base), models.index(pair.instruct))
        for pair in pairs
        if set(pair) <= set(models)
    ]
    every = {
        "question": (QUESTIONS, _every_two(questions)),
        "length": (LENGTHS, _every_two(lengths)),
        "model": (MODELS, at_models),
    }
    sizes = np.where(ranked.measured, ranked.top(top).sum(axis=-1), -1)
    levels: dict[str, _Levels] = {
        f"{name}_overlap_chance": {
            method: _mean(_configurations(ranked, sizes[at : at + 1], axis, places))
            for at, method in enumerate(methods)
        }
        for name, (axis, places) in every.items()
    }
    levels["method_overlap_chance"] = {
        f"{methods[a]}|{methods[b]}": _mean(_configurations(ranked, sizes, METHODS, [(a, b)]))
        for a, b in permutations(range(len(methods)), 2)
    }
    levels |= _of_unions(ranked, top, kinds)
    found = [
        Found.over(
            name,
            [of_group],
            np.array([level.expected for level, _ in of_group.values()], np.float64),
            np.array([n for _, n in of_group.values()], np.int64),
            _WHY,
        )
        for name, of_group in levels.items()
    ]
    ranges = {
        name: (
            np.array([level.low for level, _ in of_group.values()], np.float64),
            np.array([level.high for level, _ in of_group.values()], np.float64),
        )
        for name, of_group in levels.items()
    }
    return Chance([*found, _share(ranked, sizes)], ranges)


def _share(ranked: Ranked, sizes: NDArray[np.int64]) -> Found:
    """How often any one head is found by chance: the mean share of heads that a method finds."""
    share = sizes / ranked.n_heads[:, None, None]
    values = [float(of[of >= 0].mean()) if (of >= 0).any() else np.nan for of in share]
    n = (sizes >= 0).sum(axis=all_but(METHODS))
    why = "the method has no ranking"
    return Found.over("universal_share_chance", [ranked.axes.methods], np.array(values), n, why)


def _of_unions(ranked: Ranked, top: int, kinds: Mapping[str, QuestionKind]) -> dict[str, _Levels]:
    """Of all heads that methods, questions or kinds of questions find in any configuration."""
    methods, questions = ranked.axes.methods, ranked.axes.questions
    tops, measured = ranked.top(top), ranked.measured
    # Heads of models of several sizes have no common number out of which they could be drawn.
    whole = int(ranked.n_heads[0]) if len(set(ranked.n_heads.tolist())) == 1 else None

    def between(axis: int, one: Sequence[int], other: Sequence[int]) -> tuple[RandomOverlap, int]:
        sides = [(tops.take(at, axis), measured.take(at, axis)) for at in (one, other)]
        sizes = [int(of.any(axis=all_but()).sum()) for of, _ in sides]
        if whole is None or not all(known.any() for _, known in sides):
            return _NONE, 0
        return random_jaccard(sizes[0], sizes[1], whole), sum(
            int(known.sum()) for _, known in sides
        )

    of_kinds = [of_kind(questions, kinds, kind) for kind in QUESTION_KINDS]
    of_two = {}
    for kind, at in zip(QUESTION_KINDS, of_kinds, strict=True):
        levels = [between(QUESTIONS, [a], [b]) for a, b in combinations(at, 2)]
        n = int(measured.take(at, QUESTIONS).sum()) if levels else 0
        of_two[f"within_{kind}"] = _mean([level for level, _ in levels])[0], n
    return {
        "method_pair_chance": {
            f"{methods[a]}|{methods[b]}": between(METHODS, [a], [b])
            for a, b in permutations(range(len(methods)), 2)
        },
        "question_union_chance": {
            f"{questions[a]}|{questions[b]}": between(QUESTIONS, [a], [b])
            for a, b in _every_two(questions)
        },
        "q2_union_chance": {**of_two, "between": between(QUESTIONS, *of_kinds)},
    }


def _configurations(
    ranked: Ranked, sizes: NDArray[np.int64], axis: int, places: Iterable[tuple[int, int]]
) -> list[RandomOverlap]:
    """Of every two rankings that are at two places of an axis, and alike in the others."""
    by_place = np.moveaxis(sizes, axis, 0)
    heads = np.broadcast_to(ranked.n_heads[:, None, None], sizes.shape)
    whole = np.moveaxis(heads, axis, 0)
    return [
        _drawn(int(one), int(other), int(n))
        for a, b in places
        for one, other, n, n_other in zip(
            *(part[at].ravel() for part in (by_place, whole) for at in (a, b)), strict=True
        )
        if min(one, other) >= 0 and n == n_other
    ]


_drawn = cache(random_jaccard)


def _mean(levels: Sequence[RandomOverlap]) -> tuple[RandomOverlap, int]:
    """Of the mean of overlaps of which no two hang together, and of how many."""
    if len(levels) < 2:
        return (levels[0], 1) if levels else (_NONE, 0)
    expected = float(np.mean([level.expected for level in levels]))
    sd = float(np.sqrt(np.sum([level.sd**2 for level in levels]))) / len(levels)
    half = float(scipy.special.ndtri(MIDDLE[1])) * sd
    low, high = max(expected - half, 0.0), min(expected + half, 1.0)
    return RandomOverlap(expected, sd, low, high), len(levels)


def _every_two(labels: Sequence[object]) -> list[tuple[int, int]]:
    return list(combinations(range(len(labels)), 2))
