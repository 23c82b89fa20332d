"""Rankings and masked accuracies as arrays over methods, models, questions and lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]
Head = tuple[int, int]

_AXES = ["method", "model", "question", "token_length"]


class Axes(NamedTuple):
    """What was compared, each in the order in which the table names it first."""

    methods: tuple[str, ...]
    models: tuple[str, ...]
    questions: tuple[str, ...]
    lengths: tuple[int, ...]


@dataclass(frozen=True)
class Ranked:
    """All rankings of a table.

    A configuration is one method, model, question and length. The axis of heads holds every head
    that any of them lists, in the order of layers and heads.

    Attributes:
        axes: what the first four axes stand for.
        heads: (layer, head).
        ranks: [methods, models, questions, lengths, heads], from 1; NaN where the configuration
            does not list the head, or was not measured.
        scores: the same.
        n_heads: of each model, [models]: how many heads it has, listed or not.
    """

    axes: Axes
    heads: tuple[Head, ...]
    ranks: Values
    scores: Values
    n_heads: NDArray[np.int64]

    @classmethod
    def of(cls, head_rankings: pd.DataFrame) -> Ranked:
        """From ``head_rankings``, with at most one row for each configuration and head.

        A model's number of heads is that of its shape, where the table has it. Else its layers and
        heads are taken to go on to the last that any method or model of the table lists.
        """
        axes, at = _places(head_rankings)
        pairs = head_rankings[["layer", "head"]].to_numpy(np.int64)
        heads, of_head = np.unique(pairs, axis=0, return_inverse=True)
        shape = (*map(len, axes), len(heads))
        ranks, scores = np.full(shape, np.nan), np.full(shape, np.nan)
        where = (*at, of_head.ravel())
        ranks[where] = head_rankings["rank"]
        scores[where] = head_rankings["score"]
        listed = int(np.prod(heads.max(axis=0) + 1)) if len(heads) else 0
        shapes = (
            head_rankings.groupby("model")[["n_layers", "n_heads"]]
            .first()
            .prod(axis=1, skipna=False)
        )
        n_heads = shapes.reindex(list(axes[1])).fillna(listed).to_numpy(np.int64)
        return cls(axes, tuple((int(a), int(b)) for a, b in heads), ranks, scores, n_heads)


@dataclass(frozen=True)
class Masked:
    """All accuracies of a table, under one kind of ablation.

    Attributes:
        axes: what the first four axes stand for.
        ks: numbers of masked heads.
        baseline: accuracy with all heads, [methods, models, questions, lengths].
        hero: accuracy without the best heads, [methods, models, questions, lengths, ks].
        random: accuracy without random heads, the mean over the sets, of the same shape.

    NaN where nothing was measured.
    """

    axes: Axes
    ks: tuple[int, ...]
    baseline: Values
    hero: Values
    random: Values

    @classmethod
    def of(cls, ablation_results: pd.DataFrame) -> Masked:
        """From rows of ``ablation_results`` of one kind of ablation."""
        axes, at = _places(ablation_results)
        ks = sorted(int(k) for k in ablation_results["n_heads"].unique())
        baseline = np.full(tuple(map(len, axes)), np.nan)
        baseline[at] = ablation_results["baseline_accuracy"]
        by_type = {}
        for set_type in ("hero", "random"):
            rows = ablation_results[ablation_results["set_type"] == set_type]
            means = rows.groupby([*_AXES, "n_heads"], sort=False)["accuracy"].mean()
            full = pd.MultiIndex.from_product([*axes, ks])
            by_type[set_type] = (
                means.reindex(full).to_numpy(float).reshape(*map(len, axes), len(ks))
            )
        return cls(axes, tuple(ks), baseline, by_type["hero"], by_type["random"])

    @property
    def hero_drop(self) -> Values:
        """How far accuracy falls without the best heads: of the shape of ``hero``."""
        return self.baseline[..., None] - self.hero

    @property
    def random_drop(self) -> Values:
        """The same without random heads."""
        return self.baseline[..., None] - self.random


class Found(NamedTuple):
    """The values of one finding.

    Attributes:
        finding: its id.
        groups: keys joined by ``|``, such as ``wu24|L3H5``.
        values: [groups]; NaN where there is none.
        n: [groups]: of how many configurations, pairs or heads each is.
    """

    finding: str
    groups: list[str]
    values: Values
    n: NDArray[np.int64]


def _places(table: pd.DataFrame) -> tuple[Axes, tuple[NDArray[np.int64], ...]]:
    """The values of each axis in the order of their first row, and where each row has them."""
    found = [pd.factorize(table[name]) for name in _AXES]
    values = [tuple(of_axis.tolist()) for _, of_axis in found]
    return Axes(*values), tuple(at for at, _ in found)
