"""What is left of a model's answers without its best heads, and without random ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import ceil, floor
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.analysis.retrieval.answered import Answering, answering
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.means import cluster_means
from circuit_scaling.statistics.random_sets import against_random
from circuit_scaling.statistics.shares import exact_interval, within_bounds
from circuit_scaling.tables.retrieval import MASKING_SUMMARY, MODEL_ABLATIONS
from circuit_scaling.vocabulary import EVERY_QUESTION

_ASKED = ["question", "token_length"]
_SET = ["method", "n_masked"]
_MEASURES = {"accuracy": "right", "answer_logprob": "answer_logprob"}
_READ = {"accuracy": "right", "accuracy_study": "right_study", "answer_logprob": "answer_logprob"}
_FALLS = -1  # accuracy and log-probability both fall where answers get worse
_ROUNDING = 1e-9

_Row = dict[str, Any]
_Values = NDArray[np.float64]


def ablation_results(sets: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """The table ``ablation_results`` of one model: a row per masked set and kind of ablation.

    Random sets that all methods share stand there once for each method, so that every method has
    its own comparison. A set that does not exist has its reason in the place of numbers.

    Args:
        sets, answers: ``masked_heads`` and ``retrieval_answers`` of the model.
    """
    means = answers.groupby(["set_id", "ablation"])[list(_READ.values())].mean()
    means = means.rename(columns={column: name for name, column in _READ.items()})
    means["n_samples"] = answers.groupby(["set_id", "ablation"]).size()
    ablations = pd.DataFrame({"ablation": answers["ablation"].unique()})
    masked = with_methods(sets).merge(ablations, "cross")
    found = masked.join(means, on=["set_id", "ablation"])
    clean = sets.loc[sets["set_type"] == "baseline", [*_ASKED, "set_id"]]
    baseline = clean.merge(means.reset_index(), on="set_id")[[*_ASKED, "ablation", *_READ]]
    baseline = baseline.rename(columns={name: f"baseline_{name}" for name in _READ})
    found = found.merge(baseline, on=[*_ASKED, "ablation"])
    return MODEL_ABLATIONS.typed(found.fillna({"n_samples": 0}))


def summarise_masks(
    sets: pd.DataFrame, answers: pd.DataFrame, questions: pd.DataFrame
) -> pd.DataFrame:
    """The table ``masking_summary`` of one model: each method's best heads against random ones.

    A row for each method, question, length, ablation and number of heads, and one for the question
    ``all``: the questions together that the clean model answers at this length, each of their
    samples counting once. Where it answers none there is no such row. The random sets of several
    questions are taken together by the number of their draw, as many as every question has.

    ``random_`` is the mean over the random sets, ``_difference`` the best heads minus that mean, on
    the same samples. Intervals are over filings, the sets being given: exact ones of accuracies,
    else those of ``cluster_means`` (NaN with fewer than ten filings). How random sets differ among
    themselves is in ``_from`` and ``_to``, their middle 95 %, and in p, the rank of the best heads
    among them, one-sided; with n sets p is at least 1 / (1 + n).

    Args:
        sets, answers, questions: ``masked_heads``, ``retrieval_answers`` and ``questions`` of the
            model.
    """
    kinds = questions.drop_duplicates("question").set_index("question")["kind"]
    rows = []
    for (length, ablation), at_length in answers.groupby(["token_length", "ablation"], sort=False):
        asked = []
        for question, given in at_length.groupby("question", sort=False):
            own = sets[(sets["question"] == question) & (sets["token_length"] == length)]
            asked.append(_Asked.of(str(question), kinds[question], own, given))
        for method, k in sets.loc[sets["set_type"] == "hero", _SET].drop_duplicates().to_numpy():
            compared = [part.compared(method, k) for part in asked]
            answered = [part for part in compared if part.answered]
            pooled = [reduce(_Compared.beside, answered).of_all()] if answered else []
            for part in [*compared, *pooled]:
                keys = {"method": method, "n_heads": k, "token_length": length}
                rows.append({**keys, "ablation": ablation, **part.row()})
    shared = {name: sets[name].iloc[0] for name in ("family", "model", "fingerprint")}
    return MASKING_SUMMARY.typed(pd.DataFrame(rows).assign(**shared))


@dataclass(frozen=True)
class _Asked:
    """One question at one length under one ablation, with everything that was answered.

    Attributes:
        sets: rows of ``masked_heads``.
        values: measure -> [sets, samples], by ``set_id``.
        filings: of the samples.
        clean: how the clean model answers.
    """

    question: str
    sets: pd.DataFrame
    values: dict[str, pd.DataFrame]
    filings: NDArray[np.str_]
    clean: Answering

    @classmethod
    def of(cls, question: str, kind: Any, sets: pd.DataFrame, answers: pd.DataFrame) -> _Asked:
        unmasked = sets.loc[sets["set_type"] == "baseline", "set_id"].iloc[0]
        clean = answers[answers["set_id"] == unmasked]
        values = {
            name: answers.pivot(index="set_id", columns="question_id", values=column)
            .astype(np.float64)
            .loc[:, clean["question_id"].tolist()]
            for name, column in _MEASURES.items()
        }
        filings = clean["filing"].to_numpy(dtype=np.str_)
        return cls(question, sets, values, filings, answering(kind, clean))

    def compared(self, method: str, k: int) -> _Compared:
        """The best ``k`` heads of a method beside the random sets of as many heads."""
        of_size = self.sets[self.sets["n_masked"] == k]
        top = of_size[(of_size["set_type"] == "hero") & (of_size["method"] == method)]
        random = of_size[
            (of_size["set_type"] == "random") & of_size["method"].isin(["", method])
        ].sort_values("draw")
        reasons = [*top["reason"], *(random["reason"] if len(random) else ["no random sets"])]
        return _Compared(
            question=self.question,
            filings=self.filings,
            floor=self.clean.floor,
            answered=self.clean.answered,
            baseline=self._of(self.sets[self.sets["set_type"] == "baseline"]),
            top=self._of(top),
            random=self._of(random),
            reason=next((reason for reason in reasons if reason), ""),
        )

    def _of(self, sets: pd.DataFrame) -> _Values:
        """Measures of the sets that exist, [measures, sets, samples]."""
        known = sets.loc[sets["reason"] == "", "set_id"].tolist()
        return np.stack([frame.loc[known].to_numpy() for frame in self.values.values()])


@dataclass(frozen=True)
class _Compared:
    """Best heads and random ones on some samples.

    Attributes:
        filings: of the samples.
        floor: accuracy of always giving the answer that is right most often.
        answered: whether the clean model is above it.
        baseline, top, random: [measures, sets, samples]; no sets where there are none.
        reason: why there are none, otherwise empty.
    """

    question: str
    filings: NDArray[np.str_]
    floor: float
    answered: bool
    baseline: _Values
    top: _Values
    random: _Values
    reason: str

    def beside(self, other: _Compared) -> _Compared:
        """Both questions together."""
        sizes = len(self.filings), len(other.filings)
        return replace(
            self,
            filings=np.concatenate([self.filings, other.filings]),
            floor=float(np.average([self.floor, other.floor], weights=sizes)),
            baseline=_side_by_side(self.baseline, other.baseline),
            top=_side_by_side(self.top, other.top),
            random=_side_by_side(self.random, other.random),
            reason=self.reason or other.reason,
        )

    def of_all(self) -> _Compared:
        """The same, named as all questions that are answered."""
        return replace(self, question=EVERY_QUESTION)

    def row(self) -> _Row:
        row: _Row = {
            "question": self.question,
            "n_samples": len(self.filings),
            "n_filings": len(set(self.filings)),
            "floor": self.floor,
            "answered": self.answered,
            "n_random": self.random.shape[1],
            "reason": self.reason,
        }
        for at, measure in enumerate(_MEASURES):
            baseline, top, random = (v[at] for v in (self.baseline, self.top, self.random))
            is_share = measure == "accuracy"
            for prefix, values in (("baseline_", baseline), ("", top)):
                interval = self._share(values) if is_share else self._mean(values, None)
                row |= _named(f"{prefix}{measure}", interval)
            bounds = (0.0, 1.0) if is_share else None
            row |= _named(f"random_{measure}", self._mean(random, bounds))
            difference = top - random.mean(axis=0, keepdims=True) if len(random) else random
            bounds = (-1.0, 1.0) if is_share else None
            row |= _named(f"{measure}_difference", self._mean(difference, bounds))
            value = float(top.mean()) if len(top) else float("nan")
            among = against_random(value, random.mean(axis=1), _FALLS)
            row |= {
                f"random_{measure}_from": among.low,
                f"random_{measure}_to": among.high,
                f"p_{measure}": among.p,
            }
        return row

    def _share(self, right: _Values) -> tuple[float, float, float]:
        """Share of right answers of one set and its exact interval; a filing is one observation."""
        if not len(right):
            return (np.nan,) * 3
        by_filing = pd.Series(right[0]).groupby(self.filings).mean()
        total, n = by_filing.sum(), len(by_filing)
        low, _ = exact_interval(floor(total + _ROUNDING), n)
        _, high = exact_interval(ceil(total - _ROUNDING), n)
        return float(right.mean()), low, high

    def _mean(
        self, values: _Values, bounds: tuple[float, float] | None
    ) -> tuple[float, float, float]:
        """Mean over sets and samples with its interval over filings."""
        if not len(values):
            return (np.nan,) * 3
        totals = cluster_totals(values.mean(axis=0, keepdims=True), self.filings)
        found = cluster_means(totals)
        mean, low, high = (float(v[0]) for v in (found.mean, found.low, found.high))
        if bounds is not None:
            low, high = within_bounds(mean, (low, high), len(totals.labels), bounds)
        return mean, low, high


def _side_by_side(ours: _Values, theirs: _Values) -> _Values:
    """[measures, sets, samples] of both, of as many sets as both have."""
    n = min(ours.shape[1], theirs.shape[1])
    return np.concatenate([ours[:, :n], theirs[:, :n]], axis=2)


def with_methods(sets: pd.DataFrame) -> pd.DataFrame:
    """Sets without the baseline; those that methods share once for each method of the question."""
    masked = sets[sets["set_type"] != "baseline"]
    methods = masked.loc[masked["set_type"] == "hero", [*_ASKED, "method"]].drop_duplicates()
    shared = masked[masked["method"] == ""].drop(columns="method").merge(methods, on=_ASKED)
    every = pd.concat([masked[masked["method"] != ""], shared], ignore_index=True)
    return every.drop(columns="n_heads").rename(columns={"n_masked": "n_heads"})


def _named(name: str, found: Sequence[float]) -> _Row:
    return dict(zip((name, f"{name}_low", f"{name}_high"), found, strict=True))
