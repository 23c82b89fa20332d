"""Scores and answers of every filing, of which rankings and accuracies can be made anew.

A filing is one observation, over all methods, models, questions and lengths: it is weighted, left
out or drawn everywhere at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.analysis.retrieval.comparison.averages import ratio
from circuit_scaling.analysis.retrieval.comparison.compared import (
    COPYING,
    Axes,
    Counts,
    Masked,
    Ranked,
    Values,
)
from circuit_scaling.statistics.clusters import ClusterTotals, cluster_totals
from circuit_scaling.vocabulary import CONFIGURATION

Place = tuple[int, int, int, int]
_Row = Mapping[Any, Any]


class Scored(NamedTuple):
    """The scores of one configuration.

    Attributes:
        at: its place on the axes.
        totals: sums of the scores of each head over the samples of a filing.
        columns: which of all filings these are, [filings of the configuration].
    """

    at: Place
    totals: ClusterTotals
    columns: NDArray[np.intp]


@dataclass(frozen=True)
class SampledScores:
    """Rankings, and the scores that they were made of.

    Attributes:
        ranked: the rankings of the whole table.
        filings: all that any ranking rests on.
        configurations: those whose scores are known.
    """

    ranked: Ranked
    filings: tuple[str, ...]
    configurations: tuple[Scored, ...]

    @classmethod
    def of(cls, ranked: Ranked, joint_scores: pd.DataFrame) -> SampledScores:
        """From ``joint_scores``, of which only what ``ranked`` has measured is taken."""
        filings, rows = _filings(joint_scores)
        place = {filing: at for at, filing in enumerate(filings)}
        found = []
        for row in rows:
            at = place_of(ranked.axes, row)
            if at is None or not ranked.measured[at] or not len(row["filings"]):
                continue
            scores = np.asarray(row["scores"], dtype=np.float64)
            shape = (len(row["filings"]), int(row["n_layers"]), int(row["n_heads"]))
            known = [(la < shape[1] and he < shape[2]) for la, he in ranked.heads]
            layers, heads = np.array(ranked.heads)[known].T
            totals = cluster_totals(scores.reshape(shape)[:, layers, heads].T, list(row["filings"]))
            by_head = np.full((len(ranked.heads), len(totals.labels)), np.nan)
            by_head[known] = totals.sums
            columns = np.array([place[label] for label in totals.labels])
            found.append(Scored(at, replace(totals, sums=by_head), columns))
        return cls(ranked, filings, tuple(found))

    def present(self) -> NDArray[np.bool_]:
        """On which filings a ranking rests: [filings, methods, models, questions, lengths]."""
        present = np.zeros((len(self.filings), *map(len, self.ranked.axes)), dtype=bool)
        for scored in self.configurations:
            present[(scored.columns, *scored.at)] = True
        return present

    def weighted(self, weights: Values) -> Ranked:
        """The rankings if each filing counted as often as it weighs, [filings].

        Ranks are by mean score, of equal ones by layer and head. A ranking of no filing is not
        there; rankings whose scores are not known stay as they are.
        """
        scores, ranks = self.ranked.scores.copy(), self.ranked.ranks.copy()
        for at, totals, columns in self.configurations:
            own = weights[columns]
            means = ratio(totals.sums @ own, totals.n_prompts @ own)
            order = np.argsort(-means, kind="stable")
            placed = np.empty(len(order))
            placed[order] = np.arange(1.0, len(order) + 1)
            unlisted = np.isnan(means)
            if self.ranked.axes.methods[at[0]] == COPYING:
                unlisted |= means == 0
            scores[at], ranks[at] = means, np.where(unlisted, np.nan, placed)
        return replace(self.ranked, scores=scores, ranks=ranks)


@dataclass(frozen=True)
class SampledAnswers:
    """Accuracies, and the answers that they were made of.

    Attributes:
        masked: the accuracies of the whole table.
        filings: all that any accuracy rests on.
        at: of each set of heads its place on the axes, [sets] each.
        k: place of its number of heads in ``masked.ks``, [sets].
        hero: whether it has the best heads, [sets].
        right, baseline, n: right answers without the set and with all heads, and questions:
            [sets, filings].
    """

    masked: Masked
    filings: tuple[str, ...]
    at: tuple[Counts, ...]
    k: Counts
    hero: NDArray[np.bool_]
    right: Values
    baseline: Values
    n: Values

    @classmethod
    def of(cls, masked: Masked, joint_answers: pd.DataFrame) -> SampledAnswers:
        """From the rows of ``joint_answers`` of the kind of ablation that ``masked`` is of."""
        filings, rows = _filings(joint_answers)
        place = {filing: at for at, filing in enumerate(filings)}
        places, sets, sums = [], [], []
        for row in rows:
            at = place_of(masked.axes, row)
            if at is None or row["n_heads"] not in masked.ks:
                continue
            columns = [place[filing] for filing in row["filings"]]
            places.append(at)
            sets.append((masked.ks.index(row["n_heads"]), row["set_type"] == "hero"))
            counted = (row["right"], row["baseline_right"], np.ones(len(columns)))
            sums.append([np.bincount(columns, values, len(filings)) for values in counted])
        k, hero = np.array(sets, np.int64).reshape(-1, 2).T
        shape = (len(places), 3, len(filings))
        right, baseline, n = np.array(sums, np.float64).reshape(shape).swapaxes(0, 1)
        at_axes = tuple(np.array(places, np.int64).reshape(-1, 4).T)
        return cls(masked, filings, at_axes, k, hero.astype(bool), right, baseline, n)

    def present(self) -> NDArray[np.bool_]:
        """On which filings an accuracy rests: [filings, methods, models, questions, lengths]."""
        present = np.zeros((len(self.filings), *map(len, self.masked.axes)), dtype=bool)
        sets, columns = np.nonzero(self.n)
        present[(columns, *(axis[sets] for axis in self.at))] = True
        return present

    def weighted(self, weights: Values) -> Masked:
        """The accuracies if each filing counted as often as it weighs, [filings].

        Accuracies whose answers are not known stay as they are.
        """
        n = self.n @ weights
        accuracy, clean = ratio(self.right @ weights, n), ratio(self.baseline @ weights, n)
        random = ~self.hero
        places = (*self.at, self.k)
        return replace(
            self.masked,
            baseline=_means_at(self.masked.baseline, self.at, clean),
            hero=_means_at(
                self.masked.hero, tuple(p[self.hero] for p in places), accuracy[self.hero]
            ),
            random=_means_at(
                self.masked.random, tuple(p[random] for p in places), accuracy[random]
            ),
        )


def _means_at(before: Values, at: tuple[Counts, ...], values: Values) -> Values:
    """``before``, with the mean of the values at each place that has any."""
    flat = np.ravel_multi_index(at, before.shape)
    n = np.bincount(flat, minlength=before.size).reshape(before.shape)
    total = np.bincount(flat, values, before.size).reshape(before.shape)
    return np.where(n > 0, ratio(total, n), before)


def _filings(table: pd.DataFrame) -> tuple[tuple[str, ...], list[_Row]]:
    """All filings of a table, sorted, and its rows."""
    names: Iterable[str] = (name for listed in table["filings"] for name in listed)
    rows: list[_Row] = [*table.to_dict("records")]
    return tuple(sorted(set(names))), rows


def place_of(axes: Axes, row: _Row) -> Place | None:
    """Where a row of a table is on the axes; None where it is not."""
    method, model, question, length = (row[key] for key in CONFIGURATION)
    if (
        method not in axes.methods
        or model not in axes.models
        or question not in axes.questions
        or length not in axes.lengths
    ):
        return None
    return (
        axes.methods.index(method),
        axes.models.index(model),
        axes.questions.index(question),
        axes.lengths.index(length),
    )
