"""Measures: whether the heads of one model are strong in another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pandas as pd

from circuit_scaling.analysis.audit.evidence import HEADS, Evidence
from circuit_scaling.analysis.audit.measures.heads import are_told, by_size, family_of, heads_of
from circuit_scaling.analysis.audit.measures.registry import Models, measure
from circuit_scaling.analysis.audit.results import (
    Result,
    Seen,
    Unknown,
    Value,
    Verdicts,
    percent,
    said,
)
from circuit_scaling.vocabulary import STUDY_TASKS

_SUMMARY, _HEADS, _FATES = "transfer_summary", "transfer_heads", "head_divergence"
_IOI = ("ioi",)
_OF_20 = {"transfer.k": 20}
_HALF = 0.5
_Row = dict[Any, Any]


@measure("number", (_SUMMARY,), _IOI, _OF_20)
def frac_rank(evidence: Evidence, models: Models) -> Result:
    """Mean rank in the second model, as a share, of the first one's 20 strongest IOI-like heads."""
    row = _row(evidence, *models)
    if row is None or pd.isna(row["mean_frac_rank"]):
        return Unknown(f"no IOI-like head of {models[0]} is in {models[1]}")
    return Value(
        row["mean_frac_rank"],
        row["low"],
        row["high"],
        nothing=None if pd.isna(row["expected"]) else row["expected"],
        exact=evidence.imported(HEADS),
        words=f"{row['n_present']} of {row['n_base_heads']} heads",
    )


@measure("words", (_SUMMARY,), _IOI, _OF_20)
def share_missing(evidence: Evidence, models: Models, least: float, most: float) -> Result:
    """The share of these heads whose index is not in the second model lies between two bounds."""
    row = _row(evidence, *models)
    if row is None or pd.isna(row["frac_missing"]):
        return Unknown(f"{models[0]} has no IOI-like heads")
    share = row["frac_missing"]
    words = f"{percent(share)} missing, {percent(row['frac_outside_shape'])} outside its shape"
    return Seen(least <= share <= most, words)


@measure("words", (_SUMMARY,), _IOI, _OF_20)
def more_missing_with_size(evidence: Evidence, models: Models) -> Result:
    """From each model to the next larger one, a larger share is missing than one step before."""
    rows = [_row(evidence, *pair) for pair in pairwise(by_size(evidence, models))]
    shares = [row["frac_missing"] for row in rows if row is not None]
    if len(shares) < len(rows) or any(map(pd.isna, shares)):
        return Unknown("not every step was compared")
    return Seen(all(a < b for a, b in pairwise(shares)), ", ".join(percent(s) for s in shares))


@measure("words", (_SUMMARY,), _IOI, _OF_20)
def worse_across_families(evidence: Evidence, models: Models, pairs: list[list[int]]) -> Result:
    """Pairs of two families have a higher mean rank, and more missing, than pairs of one.

    Args:
        pairs: places of base and target in ``models``.
    """
    sides: dict[bool, list[_Row]] = {True: [], False: []}
    for base, target in pairs:
        row = _row(evidence, models[base], models[target])
        if row is None or pd.isna(row["mean_frac_rank"]):
            return Unknown("not every pair was compared")
        sides[row["base_family"] == row["tgt_family"]].append(row)
        if not _is_known(evidence, (models[base], models[target])):
            return Seen(None, "effects are too noisy for an interval of the ranks")
    within, across = (pd.DataFrame(sides[side]) for side in (True, False))
    names = ("mean_frac_rank", "frac_missing")
    words = [
        f"{name} {said(across[name].mean())} against {said(within[name].mean())}" for name in names
    ]
    return Seen(all(across[name].mean() > within[name].mean() for name in names), ", ".join(words))


@measure("words", (_HEADS, _SUMMARY), _IOI)
def few_stay_strong(evidence: Evidence, models: Models, within: bool) -> Result:
    """Of the base's strongest heads fewer than half are among as many strongest of the target.

    Args:
        within: of pairs of one family; else of two.
    """
    table = evidence.tables[_HEADS]
    of_task = table[table["task"] == "ioi"]
    sizes = evidence.tables[HEADS].groupby("model").size()

    def seen(pair: tuple[str, str]) -> Seen | None:
        rows = of_task[(of_task["base_model"] == pair[0]) & (of_task["tgt_model"] == pair[1])]
        if rows.empty:
            return None
        strong = rows["tgt_frac_rank"] * sizes[pair[1]] <= len(rows)
        few = bool(strong.mean() < _HALF)
        return Seen(few if _is_known(evidence, pair) else None, f"{strong.sum()} of {len(rows)}")

    return Verdicts("pair", dict(_of_pairs(evidence, models, within, seen)))


@measure("words", (_FATES,), STUDY_TASKS)
def mostly_absent_or_weak(evidence: Evidence, models: Models) -> Result:
    """At least half of a base's IOI-like heads are missing or weak at their index elsewhere."""
    table = evidence.tables[_FATES]
    categories = {model: are_told(heads_of(evidence, model)) for model in models}

    def seen(pair: tuple[str, str]) -> Seen | None:
        rows = table[(table["base_model"] == pair[0]) & (table["tgt_model"] == pair[1])]
        if rows.empty:
            return None
        gone = rows["divergence"].isin(["lost", "missing"])
        told = all(categories[model] for model in pair)
        return Seen(bool(gone.mean() >= _HALF) if told else None, f"{gone.sum()} of {len(rows)}")

    return Verdicts("pair", dict(_of_pairs(evidence, models, False, seen)))


def _row(evidence: Evidence, base: str, target: str) -> _Row | None:
    table = evidence.tables[_SUMMARY]
    rows = table[
        (table["base_model"] == base) & (table["tgt_model"] == target) & (table["task"] == "ioi")
    ]
    return next(iter(rows.to_dict("records")), None)


def _is_known(evidence: Evidence, pair: tuple[str, str]) -> bool:
    """Whether noise does not decide the ranks: in measured tables they have an interval then."""
    if evidence.imported(HEADS):
        return True
    row = _row(evidence, *pair)
    return row is not None and not pd.isna(row["low"])


def _of_pairs(
    evidence: Evidence,
    models: Models,
    within: bool,
    seen: Callable[[tuple[str, str]], Seen | None],
) -> Iterator[tuple[str, Seen]]:
    """Every ordered pair of the models, of one family or of two, for which something was seen."""
    families = {model: family_of(evidence, model) for model in models}
    for base in models:
        for target in models:
            alike = families[base] == families[target]
            if base != target and alike is within and (found := seen((base, target))):
                yield f"{base} → {target}", found
