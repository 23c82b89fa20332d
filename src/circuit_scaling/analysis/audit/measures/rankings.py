"""Measures: which heads and layers methods, questions and models rank first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from circuit_scaling.analysis.audit.compared import LLAMA, Compared
from circuit_scaling.analysis.audit.evidence import RANKINGS, Evidence
from circuit_scaling.analysis.audit.measures.findings import (
    COMPARED,
    FINDINGS,
    OF_RANKINGS,
    finding_of,
)
from circuit_scaling.analysis.audit.measures.registry import Models, measure
from circuit_scaling.analysis.audit.results import (
    Result,
    Seen,
    Unknown,
    Value,
    Verdicts,
    all_of,
    percent,
    said,
)
from circuit_scaling.analysis.retrieval.comparison.averages import mean_of
from circuit_scaling.analysis.retrieval.comparison.compared import Ranked
from circuit_scaling.vocabulary import QUESTION_IDS, RETRIEVAL_METHODS, first_few

_CONSENSUS = COMPARED | {"comparison.consensus_rank": 100}
_LAYERS = {"comparison.layer_top": 20}
_FREQUENT = COMPARED | {"comparison.frequent": 100}
_BY_QUESTION = "q4_layer_frequency"
_SHOWN = 6


@measure("number", OF_RANKINGS, made_with=_CONSENSUS)
def consensus_count(evidence: Evidence, models: Models) -> Result:
    """How many heads all methods rank high."""
    return Value(float(len(_consensus(evidence))), exact=True)


@measure("number", OF_RANKINGS, made_with=_CONSENSUS)
def consensus_share(evidence: Evidence, models: Models) -> Result:
    """The same, as a share of the model's heads."""
    n_heads = Ranked.of(_of_the_study(evidence)).n_heads.max()
    return Value(len(_consensus(evidence)) / float(n_heads), exact=True)


@measure("words", OF_RANKINGS, made_with=_CONSENSUS)
def consensus_is(evidence: Evidence, models: Models, heads: list[str]) -> Result:
    """These heads, and no others, are ranked high by all methods."""
    found = _consensus(evidence)
    return Seen(sorted(found) == sorted(heads), _named(found))


@measure("number", OF_RANKINGS)
def mean_rank(evidence: Evidence, models: Models, method: str, head: str, model: str) -> Result:
    """Mean rank of a head by one method in one model, over the configurations that list it."""
    compared = Compared(evidence, [RANKINGS])
    ranked = Ranked.of(_of_the_study(evidence))
    if head not in ranked.head_names():
        return Unknown(f"no method lists {head}")
    ranks = ranked.ranks[
        ranked.axes.methods.index(compared.named(method)),
        ranked.axes.models.index(compared.named(model)),
        ...,
        ranked.head_names().index(head),
    ]
    mean, n = mean_of(ranks, (0, 1))
    if np.isnan(mean):
        return Unknown("the method does not list the head in this model")
    return Value(float(mean), exact=evidence.imported(RANKINGS), words=f"n = {n}")


@measure("words", OF_RANKINGS)
def most_volatile(evidence: Evidence, models: Models, method: str, head: str) -> Result:
    """Of all heads, the method's rank of this one varies most between configurations."""
    spread = _by_head(evidence, "f5_rank_sd", method)
    if spread.empty:
        return Unknown("no rank varies between configurations")
    first = str(spread.idxmax())
    return Seen(first == head, f"{first}, with a standard deviation of {said(spread.max(), 0)}")


@measure("words", OF_RANKINGS)
def some_swing(evidence: Evidence, models: Models, best: int, worst: int) -> Result:
    """Some head has ranks from ``best`` to ``worst`` or more by one method."""
    table = evidence.tables[FINDINGS]
    ends = {
        name: table[table["finding"] == name].set_index("group")["value"]
        for name in ("f5_rank_min", "f5_rank_max")
    }
    swing = (ends["f5_rank_min"] <= best) & (ends["f5_rank_max"] >= worst)
    return Seen(bool(swing.any()), f"{swing.sum()} of {len(swing)} heads and methods")


@measure("words", OF_RANKINGS, made_with=COMPARED)
def found_most_often(evidence: Evidence, models: Models, method: str, heads: list[str]) -> Result:
    """No other head is more often among a method's best ones than these, ties apart."""
    often = _by_head(evidence, "universal_share", method)
    if not set(heads) <= set(often.index):
        return Unknown("the method does not list them all")
    first = often.sort_values(ascending=False, kind="stable").head(_SHOWN)
    words = ", ".join(f"{name} {percent(share)}" for name, share in first.items())
    return Seen(bool((often.drop(heads) <= often[heads].min()).all()), words)


@measure("words", OF_RANKINGS, made_with=COMPARED)
def found_by(evidence: Evidence, models: Models, head: str, methods: list[str]) -> Result:
    """Of each of these methods, the head is among the three that are found most often."""
    seen = {}
    for method in methods:
        often = _by_head(evidence, "universal_share", method)
        place = int((often > often.get(head, 0.0)).sum()) + 1
        seen[method] = Seen(place <= 3, f"place {place}")
    return Verdicts("method", seen)


@measure("words", OF_RANKINGS, made_with=_FREQUENT)
def leading_layers(evidence: Evidence, models: Models, method: str, layers: list[int]) -> Result:
    """The layers with most of the heads that a method finds often are exactly these."""
    leading = _leading(evidence, "f2_layer_share", method, _SHOWN)
    words = "most are in layers " + ", ".join(map(str, leading))
    return Seen(set(leading[: len(layers)]) == set(layers), words)


@measure("words", OF_RANKINGS, made_with=_FREQUENT)
def methods_prefer_layers(evidence: Evidence, models: Models, n: int) -> Result:
    """The ``n`` layers with most of the heads that a method finds often differ between methods."""
    leading = _leading_of(evidence, "f2_layer_share", RETRIEVAL_METHODS, n)
    return Seen(len({frozenset(first) for first in leading.values()}) > 1, _in_words(leading))


@measure("words", OF_RANKINGS, made_with=_LAYERS)
def layers_dominate(evidence: Evidence, models: Models, layers: list[int]) -> Result:
    """These layers have most of the best heads, for more than half of the questions."""
    leading = _leading_of(evidence, _BY_QUESTION, QUESTION_IDS, len(layers))
    n = sum(set(first) == set(layers) for first in leading.values())
    return Seen(2 * n > len(leading), _in_words(leading))


@measure("words", OF_RANKINGS, made_with=_LAYERS)
def questions_prefer_layers(evidence: Evidence, models: Models, n: int) -> Result:
    """The ``n`` layers with most of the best heads are not the same for all questions."""
    leading = _leading_of(evidence, _BY_QUESTION, QUESTION_IDS, n)
    return Seen(len({frozenset(first) for first in leading.values()}) > 1, _in_words(leading))


@measure("words", OF_RANKINGS, made_with=_LAYERS)
def questions_prefer_heads(evidence: Evidence, models: Models, layers: list[int]) -> Result:
    """Within these layers, another head is found most often for one question than for another."""
    first = {}
    for question in QUESTION_IDS:
        often = _by_head(evidence, "q4_head_frequency", question)
        inside = often[[int(name[1:].partition("H")[0]) in layers for name in often.index]]
        first[question] = str(inside.idxmax()) if len(inside) else ""
    words = ", ".join(f"{question} {head}" for question, head in first.items())
    return Seen(len(set(first.values())) > 1, words)


@measure("words", OF_RANKINGS)
def is_specialist(
    evidence: Evidence, models: Models, head: str, question: str, best: int, others: int
) -> Result:
    """Summed Attention ranks a head before ``best`` for one question, behind ``others`` else."""
    keys: list[str | int] = ["summed_attention", head, question]
    rank = finding_of(evidence, RANKINGS, "f3_specialist_rank", keys)
    elsewhere = finding_of(evidence, RANKINGS, "f3_other_rank", keys)
    if isinstance(rank, Unknown) or isinstance(elsewhere, Unknown):
        return rank if isinstance(rank, Unknown) else elsewhere
    ends = (rank.ends, elsewhere.ends)
    parts = (
        _surely(ends[0][1] < best, ends[0][0] >= best),
        _surely(ends[1][0] > others, ends[1][1] <= others),
    )
    return Seen(all_of(parts), f"{said(rank.value, 0)} and {said(elsewhere.value, 0)} elsewhere")


def _surely(holds: bool, fails: bool) -> bool | None:
    return True if holds else (False if fails else None)


def _of_the_study(evidence: Evidence) -> pd.DataFrame:
    """Rankings of the study's models."""
    rankings = evidence.tables[RANKINGS]
    of_study = evidence.by_checkpoint([RANKINGS], LLAMA).values()
    return rankings[rankings["model"].isin(list(of_study))]


def _consensus(evidence: Evidence) -> list[str]:
    table = evidence.tables[FINDINGS]
    agreed = table[(table["finding"] == "f1_consensus") & (table["value"] == 1)]
    return [str(head) for head in agreed["group"]]


def _by_head(evidence: Evidence, finding: str, key: str) -> pd.Series[float]:
    """Head or layer -> value, of a finding that is keyed by a method or question before it."""
    table = evidence.tables[FINDINGS]
    rows = table[table["finding"] == finding]
    named = Compared(evidence, [RANKINGS]).named(key)
    keys = [group.partition("|") for group in rows["group"]]
    values = {
        last: value
        for (first, _, last), value in zip(keys, rows["value"], strict=True)
        if first == named
    }
    return pd.Series(values, dtype=float)


def _leading(evidence: Evidence, finding: str, key: str, n: int) -> list[int]:
    """The ``n`` layers with the largest values of a finding that is keyed by layers."""
    often = _by_head(evidence, finding, key)
    first = often.sort_values(ascending=False, kind="stable").head(n)
    return [int(layer) for layer in first.index]


def _leading_of(
    evidence: Evidence, finding: str, keys: Sequence[str], n: int
) -> dict[str, list[int]]:
    return {key: _leading(evidence, finding, key, n) for key in keys}


def _in_words(leading: dict[str, list[int]]) -> str:
    return "; ".join(f"{key} {', '.join(map(str, first))}" for key, first in leading.items())


def _named(names: list[str]) -> str:
    return first_few(names, _SHOWN) or "none"
