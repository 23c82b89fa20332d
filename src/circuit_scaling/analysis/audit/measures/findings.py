"""Measures: what the comparison of retrieval methods found, one number or several side by side."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.audit.compared import Compared
from circuit_scaling.analysis.audit.evidence import ACCURACIES, RANKINGS, Evidence
from circuit_scaling.analysis.audit.measures.registry import Models, measure
from circuit_scaling.analysis.audit.results import (
    Result,
    Seen,
    Unknown,
    Value,
    Verdicts,
    all_of,
    exceeds,
    percent,
    said,
)

FINDINGS, ABSENT = "retrieval_findings", "absent_findings"
OF_RANKINGS = (FINDINGS, ABSENT, RANKINGS)
OF_ACCURACIES = (FINDINGS, ABSENT, ACCURACIES)
COMPARED = {"comparison.top": 50}

_EXACT = ("f1_consensus", "f5_rank_min", "f5_rank_max")
_ZERO = (
    *("q1_mean_drop", "q3_drop_mean", "f4_rank_change", "random_drop_at_k_by_method"),
    *("drop_at_k_by_method", "drop_at_k_by_model", "drop_at_k_by_length"),
)
_CHANCE = {
    "method_pair_jaccard_of_unions": "method_pair_chance",
    "q2_jaccard_of_unions": "q2_union_chance",
}
_CHANCE_OF = {
    "question": "question_overlap_chance",
    "token_length": "length_overlap_chance",
    "model": "model_overlap_chance",
    "method": "method_overlap_chance",
}
_Keys = list[str | int]


def finding_of(evidence: Evidence, rests_on: str, finding: str, keys: _Keys) -> Value | Unknown:
    """One row of ``retrieval_findings``, by the names of the study; or why there is none.

    Args:
        rests_on: the table, of rankings or accuracies, that it was made of.
    """
    compared = Compared(evidence, [rests_on])
    group = "|".join(compared.named(key) for key in keys)
    table = evidence.tables[FINDINGS]
    rows = table[(table["finding"] == finding) & (table["group"] == group)]
    if rows.empty:
        return Unknown(_why_absent(evidence, finding, group))
    row = rows.iloc[0]
    return Value(
        float(row["value"]),
        float(row["ci_low"]),
        float(row["ci_high"]),
        nothing=_nothing(evidence, finding, keys, group),
        exact=finding in _EXACT or evidence.imported(rests_on),
        words=f"n = {row['n']}",
    )


@measure("number", OF_RANKINGS, made_with=COMPARED)
def of_rankings(evidence: Evidence, models: Models, finding: str, keys: _Keys) -> Result:
    """A finding that rests on rankings."""
    return finding_of(evidence, RANKINGS, finding, keys)


@measure("number", OF_ACCURACIES)
def of_accuracies(evidence: Evidence, models: Models, finding: str, keys: _Keys) -> Result:
    """A finding that rests on accuracies without some heads."""
    return finding_of(evidence, ACCURACIES, finding, keys)


@measure("words", OF_RANKINGS, made_with=COMPARED)
def rankings_differ(
    evidence: Evidence, models: Models, finding: str, high: _Keys, low: list[_Keys]
) -> Result:
    """A finding that rests on rankings is greater for one group than for each of the others."""
    return _greater(evidence, RANKINGS, finding, [high], low)


@measure("words", OF_RANKINGS, made_with=COMPARED)
def rankings_lower(
    evidence: Evidence, models: Models, finding: str, low: _Keys, high: list[_Keys]
) -> Result:
    """It is smaller for one group than for each of the others."""
    return _greater(evidence, RANKINGS, finding, high, [low])


@measure("words", OF_ACCURACIES)
def accuracies_differ(
    evidence: Evidence, models: Models, finding: str, high: _Keys, low: list[_Keys]
) -> Result:
    """A finding that rests on accuracies is greater for one group than for each of the others."""
    return _greater(evidence, ACCURACIES, finding, [high], low)


@measure("words", OF_ACCURACIES)
def accuracies_unequal(
    evidence: Evidence, models: Models, finding: str, groups: list[_Keys]
) -> Result:
    """The largest value of several groups is greater than the smallest."""
    values = [finding_of(evidence, ACCURACIES, finding, keys) for keys in groups]
    known = [value for value in values if isinstance(value, Value)]
    if len(known) < len(values):
        return next(value for value in values if isinstance(value, Unknown))
    by_value = sorted(known, key=lambda value: value.value)
    return Seen(exceeds(by_value[-1], by_value[0]), _listed(groups, known))


@measure("words", OF_ACCURACIES)
def best_heads_matter(evidence: Evidence, models: Models) -> Result:
    """By every method, the best heads cost more answers than random ones, at the largest k."""
    table, seen = evidence.tables[FINDINGS], {}
    for method in evidence.tables[ACCURACIES]["method"].unique():
        beyond = _at_the_largest_k(table, "drop_beyond_random_at_k", method)
        best = _at_the_largest_k(table, "drop_at_k_by_method", method)
        random = _at_the_largest_k(table, "random_drop_at_k_by_method", method)
        if beyond is not None:
            interval = f"[{said(100 * beyond['ci_low'], 0)}, {said(100 * beyond['ci_high'], 0)}]"
            words = f"{said(100 * beyond['value'], 0)} points more {interval}"
            low, high = beyond["ci_low"], beyond["ci_high"]
            seen[str(method)] = Seen(True if low > 0 else (False if high <= 0 else None), words)
        elif best is not None and random is not None and evidence.imported(ACCURACIES):
            words = f"{percent(best['value'], 1)} against {percent(random['value'], 1)}"
            seen[str(method)] = Seen(bool(best["value"] > random["value"]), words)
        else:
            seen[str(method)] = Seen(None, "no random heads were masked")
    return Verdicts("method", seen)


@measure("words", OF_RANKINGS)
def overlap_is_below_the_ceiling(evidence: Evidence, models: Models, dimension: str) -> Result:
    """Rankings that differ in one thing share fewer heads than halves of the samples do."""
    overlap = finding_of(evidence, RANKINGS, "f7_overlap_mean", [dimension])
    table = evidence.tables[FINDINGS]
    ceilings = table.loc[table["finding"] == "ranking_ceiling", "value"]
    if isinstance(overlap, Unknown):
        return overlap
    if ceilings.empty:
        return Unknown("how far such rankings repeat themselves is not known without samples")
    below = exceeds(Value(float(ceilings.min()), exact=True), overlap)
    words = f"{said(overlap.value)} beside {said(ceilings.min())} of the least repeatable method"
    return Seen(True if below else None, words)


def _greater(
    evidence: Evidence, rests_on: str, finding: str, high: list[_Keys], low: list[_Keys]
) -> Result:
    found = [finding_of(evidence, rests_on, finding, keys) for keys in (*high, *low)]
    values = [value for value in found if isinstance(value, Value)]
    if len(values) < len(found):
        return next(value for value in found if isinstance(value, Unknown))
    above, below = values[: len(high)], values[len(high) :]
    holds = all_of(exceeds(one, other) for one in above for other in below)
    return Seen(holds, _listed([*high, *low], values))


def _listed(groups: list[_Keys], values: list[Value]) -> str:
    return ", ".join(
        f"{' at '.join(map(str, keys))} {said(value.value, 3)}"
        for keys, value in zip(groups, values, strict=True)
    )


def _at_the_largest_k(table: pd.DataFrame, finding: str, method: object) -> pd.Series | None:
    """The row of a finding about a method with the most masked heads that it has."""
    rows = table[table["finding"] == finding]
    keys = [group.rpartition("|") for group in rows["group"]]
    of_method = {int(k): at for at, (name, _, k) in enumerate(keys) if name == str(method)}
    return rows.iloc[of_method[max(of_method)]] if of_method else None


def _why_absent(evidence: Evidence, finding: str, group: str) -> str:
    absent = evidence.tables[ABSENT]
    rows = absent[(absent["finding"] == finding) & absent["group"].isin([group, ""])]
    return str(rows["reason"].iloc[0]) if len(rows) else f"there is no {finding} of {group}"


def _nothing(evidence: Evidence, finding: str, keys: _Keys, group: str) -> float | None:
    """What the finding would be if heads were random, or did nothing."""
    if finding in _ZERO:
        return 0.0
    table = evidence.tables[FINDINGS]
    if finding in ("f1_mean_rank", "f3_specialist_rank", "f3_other_rank"):
        return (_n_heads(evidence) + 1) / 2
    if finding == "universal_share":
        chance, of_it = "universal_share_chance", group.partition("|")[0]
    elif finding == "f7_overlap_mean":
        levels = table.loc[table["finding"] == _CHANCE_OF[str(keys[0])], "value"].to_numpy(float)
        return float(levels.mean()) if len(levels) else None
    elif finding in _CHANCE:
        chance, of_it = _CHANCE[finding], group
    else:
        return None
    rows = table[(table["finding"] == chance) & (table["group"] == of_it)]
    return float(rows["value"].iloc[0]) if len(rows) else None


def _n_heads(evidence: Evidence) -> float:
    shape = evidence.tables[RANKINGS][["n_layers", "n_heads"]].iloc[0]
    return float(shape["n_layers"] * shape["n_heads"])
