"""Rankings and masked accuracies as arrays over methods, models, questions and lengths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.vocabulary import ABLATION_MODES, CONFIGURATION, RetrievalMethod

Values = NDArray[np.float64]
Counts = NDArray[np.int64]
Head = tuple[int, int]

COPYING: RetrievalMethod = "wu24"
"""A head that never copied has the score 0 by it, and its place among such heads means nothing: in
what is measured here they are not listed, as in the published study."""


METHODS, MODELS, QUESTIONS, LENGTHS = range(len(CONFIGURATION))
"""Numbers of the axes of configurations, in every array."""


class Axes(NamedTuple):
    """What was compared: names in the order of the table's first rows, lengths ascending."""

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
    n_heads: Counts

    @classmethod
    def of(cls, head_rankings: pd.DataFrame) -> Ranked:
        """From ``head_rankings``, with at most one row for each configuration and head.

        A ranking of no samples, such as that of Wu24 where the model answers nothing, is only the
        order of the heads: that configuration was not measured.

        A model's number of heads is that of its shape, where the table has it. Else it is the
        number of heads that its rankings list, if these are all up to the last layer and head; if
        they are not, the model is taken to go on to the last of the table.
        """
        axes, at = _places(head_rankings)
        layer, head = (head_rankings[name].to_numpy(np.int64) for name in ("layer", "head"))
        in_layer = head.max(initial=-1) + 1
        codes, of_head = np.unique(layer * in_layer + head, return_inverse=True)
        heads = tuple((int(code // in_layer), int(code % in_layer)) for code in codes)
        shape = (*map(len, axes), len(heads))
        ranks, scores = np.full(shape, np.nan), np.full(shape, np.nan)
        where = (*at, of_head)
        scored = head_rankings["score"].notna() | (head_rankings["n_samples"] != 0)
        copied = (
            (head_rankings["method"] != COPYING)
            | (head_rankings["score"] != 0)
            | head_rankings["n_samples"].isna()
        )
        ranks[where] = head_rankings["rank"].where(scored & copied)
        scores[where] = head_rankings["score"]
        n_heads = np.asarray(_n_heads(head_rankings).reindex(list(axes[1])), dtype=np.int64)
        return cls(axes, heads, ranks, scores, n_heads)

    @cached_property
    def measured(self) -> NDArray[np.bool_]:
        """Which configurations list any head: [methods, models, questions, lengths]."""
        return np.asarray(~np.isnan(self.ranks).all(axis=-1))

    def top(self, k: int) -> NDArray[np.bool_]:
        """Which heads are among the best ``k`` of each configuration, of the shape of ``ranks``."""
        return np.asarray(self.ranks <= k)

    def head_names(self) -> list[str]:
        """Heads as findings are keyed by them, such as ``L3H5``."""
        return list(_named(self.heads))


@dataclass(frozen=True)
class Masked:
    """All accuracies of a table, under one kind of ablation.

    Attributes:
        axes: what the first four axes stand for.
        ks: numbers of masked heads.
        baseline: accuracy with all heads, [methods, models, questions, lengths].
        hero: accuracy without the best heads, [methods, models, questions, lengths, ks].
        random: accuracy without random heads, the mean over the sets, of the same shape.
            All of them are NaN where nothing was measured.
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
            means = rows.groupby([*CONFIGURATION, "n_heads"], sort=False)["accuracy"].mean()
            full = pd.MultiIndex.from_product([*axes, ks])
            by_type[set_type] = (
                means.reindex(full).to_numpy(float).reshape(*map(len, axes), len(ks))
            )
        return cls(axes, tuple(ks), baseline, by_type["hero"], by_type["random"])

    @property
    def hero_drop(self) -> Values:
        """Fall of the accuracy without the best heads, of the shape of ``hero``."""
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
        why: what it means that a group has no value.
    """

    finding: str
    groups: list[str]
    values: Values
    n: Counts
    why: str = "it was not measured"

    @classmethod
    def over(
        cls,
        finding: str,
        keys: Sequence[Iterable[object]],
        values: Values,
        n: Counts | int,
        why: str = "it was not measured",
    ) -> Found:
        """A value for each combination of keys.

        Args:
            keys: of each axis of ``values``.
            n: of the shape of ``values``, or one that fits it.
        """
        groups = list(_joined(tuple(tuple(of_axis) for of_axis in keys)))
        return cls(finding, groups, values.ravel(), np.broadcast_to(n, values.shape).ravel(), why)


# The same names and groups come again and again where scores are resampled.
@lru_cache(maxsize=8)
def _named(heads: tuple[Head, ...]) -> tuple[str, ...]:
    return tuple(f"L{layer}H{head}" for layer, head in heads)


@lru_cache(maxsize=64)
def _joined(keys: tuple[tuple[object, ...], ...]) -> tuple[str, ...]:
    return tuple("|".join(parts) for parts in product(*([str(key) for key in k] for k in keys)))


def all_but(*kept: int) -> tuple[int, ...]:
    """The axes of configurations other than these."""
    return tuple(axis for axis in range(len(CONFIGURATION)) if axis not in kept)


def first_ablation(ablation_results: pd.DataFrame) -> pd.DataFrame:
    """The rows of one kind of ablation: zero where the table has it, else the next that it has.

    ``""`` where it is not told; kinds of other names come in the order of the alphabet.
    """
    present = ablation_results["ablation"].unique().tolist()
    ordered = [*(mode for mode in ABLATION_MODES if mode in present), *sorted(present)]
    return ablation_results[ablation_results["ablation"].isin(ordered[:1])]


def _n_heads(head_rankings: pd.DataFrame) -> pd.Series[int]:
    """How many heads each model has."""
    by_model = head_rankings.groupby("model")
    told = by_model[["n_layers", "n_heads"]].first().prod(axis=1, skipna=False)
    last = by_model[["layer", "head"]].max() + 1
    listed = head_rankings.drop_duplicates(["model", "layer", "head"]).groupby("model").size()
    every = last["layer"] * last["head"]
    in_table = (head_rankings[["layer", "head"]].max() + 1).prod()
    return told.fillna(every.where(listed == every, in_table)).astype(np.int64)


def _places(table: pd.DataFrame) -> tuple[Axes, tuple[Counts, ...]]:
    """What the table compares, and where on each axis every row is."""
    found = [pd.factorize(table[name], sort=name == "token_length") for name in CONFIGURATION]
    methods, models, questions, lengths = (values.tolist() for _, values in found)
    axes = Axes(tuple(methods), tuple(models), tuple(questions), tuple(lengths))
    return axes, tuple(at for at, _ in found)
