"""Measures: where heads lie between the two tasks, and which of them are heroes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from circuit_scaling.analysis.audit.evidence import HEADS, Evidence
from circuit_scaling.analysis.audit.measures.heads import (
    ENOUGH,
    TASKS_OF,
    TAU,
    are_told,
    by_size,
    family_of,
    heads_of,
    strong,
)
from circuit_scaling.analysis.audit.measures.registry import Models, measure
from circuit_scaling.analysis.audit.results import Result, Seen, Unknown, Verdicts, all_of, said
from circuit_scaling.vocabulary import STRONG_CATEGORIES, STUDY_TASKS

_ONE_TASK = STRONG_CATEGORIES[:2]


@measure("words", (HEADS,), STUDY_TASKS)
def category_helps(evidence: Evidence, models: Models, category: str) -> Result:
    """There are heads of the category, and most of them have negative effects on its tasks."""
    seen = {}
    for model in models:
        heads = heads_of(evidence, model)
        of_it = heads[heads["category"] == category]
        sure = of_it[of_it["told"]]
        helping = (sure[list(TASKS_OF[category])] < 0).all(axis=1)
        words = f"{helping.sum()} of {len(sure)} heads"
        seen[model] = Seen(_most(helping) if len(sure) else _none_told(of_it), words)
    return Verdicts("model", seen)


@measure("words", (HEADS,), STUDY_TASKS)
def categories_exist(evidence: Evidence, models: Models, categories: list[str]) -> Result:
    """There is at least one head of each of the categories."""
    seen = {}
    for model in models:
        heads = heads_of(evidence, model)
        by_name = {name: heads[heads["category"] == name] for name in categories}
        holds = all_of(
            True if rows["told"].any() else _none_told(rows) for rows in by_name.values()
        )
        counts = [f"{len(rows)} {name}" for name, rows in by_name.items()]
        seen[model] = Seen(holds, ", ".join(counts))
    return Verdicts("model", seen)


@measure("words", (HEADS,), STUDY_TASKS)
def near_the_axes(evidence: Evidence, models: Models) -> Result:
    """Most strong heads are strong on one task alone."""
    seen = {}
    for model in models:
        heads = heads_of(evidence, model)
        on_axes = strong(heads)["category"] != "shared"
        words = f"{on_axes.sum()} of {len(on_axes)} strong heads"
        seen[model] = Seen(_most(on_axes) if are_told(heads) else None, words)
    return Verdicts("model", seen)


@measure("words", (HEADS,), STUDY_TASKS)
def wider_than(evidence: Evidence, models: Models, family: str) -> Result:
    """The strongest heads of one task alone are stronger in a family than in the others."""
    found = {model: heads_of(evidence, model) for model in models}
    ours = [model for model in models if family_of(evidence, model) == family]
    parts, words = [], []
    for category in _ONE_TASK:
        by_side = [
            [_strongest(found[m], category) for m in models if (m in ours) is side]
            for side in (True, False)
        ]
        inside, outside = (float(np.mean(values)) if values else np.nan for values in by_side)
        parts.append(inside > outside)
        words.append(f"{category} {said(inside)} against {said(outside)}")
    return Seen(all(parts) if all(map(are_told, found.values())) else None, ", ".join(words))


@measure("words", (HEADS,), STUDY_TASKS)
def widest_in_the_middle(evidence: Evidence, models: Models) -> Result:
    """By each of the categories of one task, the strongest head is in a model of middle size."""
    found = [heads_of(evidence, model) for model in by_size(evidence, models)]
    parts, words = [], []
    for category in _ONE_TASK:
        strongest = [_strongest(heads, category) for heads in found]
        parts.append(0 < int(np.argmax(strongest)) < len(found) - 1)
        words.append(f"{category} {', '.join(said(value) for value in strongest)}")
    return Seen(all(parts) if all(map(are_told, found)) else None, "; ".join(words))


@measure("words", (HEADS,), ("anti_names",))
def fewer_anti_heads(evidence: Evidence, models: Models) -> Result:
    """All models but the last have fewer heads that are strong on anti-repetition than it has."""
    found = [heads_of(evidence, model) for model in models]
    counts = [int((heads["anti_names"].abs() >= TAU).sum()) for heads in found]
    words = ", ".join(f"{m} {n}" for m, n in zip(models, counts, strict=True))
    fewer = all(n < counts[-1] for n in counts[:-1])
    return Seen(fewer if all(map(are_told, found)) else None, words)


@measure("words", (HEADS, "hero_heads"), STUDY_TASKS)
def heroes_have_neighbours(evidence: Evidence, models: Models) -> Result:
    """Some head that is no hero has at least half of the strength of the strongest hero."""
    heroes, seen = evidence.tables["hero_heads"], {}
    for model in models:
        heads = heads_of(evidence, model)
        ours = heroes[(heroes["model"] == model) & (heroes["category"] != "weak")]
        names = set(zip(ours["layer"], ours["head"], strict=True))
        is_hero = [pair in names for pair in zip(heads["layer"], heads["head"], strict=True)]
        first = heads.loc[is_hero, "strength"].max()
        next_one = heads.loc[[not hero for hero in is_hero], "strength"].max()
        holds = None if pd.isna(first) or pd.isna(next_one) else bool(next_one >= first / 2)
        words = f"{said(next_one)} beside {said(first)}"
        seen[model] = Seen(holds if are_told(heads) else None, words)
    return Verdicts("model", seen)


@measure("words", (HEADS,), STUDY_TASKS)
def has_category(
    evidence: Evidence, models: Models, layer: int, head: int, category: str
) -> Result:
    """One head of a model has the category."""
    heads = heads_of(evidence, models[0])
    found = heads[(heads["layer"] == layer) & (heads["head"] == head)]
    if found.empty:
        return Unknown(f"{models[0]} has no row for L{layer}H{head}")
    row = found.iloc[0]
    words = f"{row['category']} (Δ_ioi {said(row['ioi'], 3)}, Δ_anti {said(row['anti_names'], 3)})"
    if not row["told"]:
        return Seen(None, f"{words}; an interval straddles ±{TAU:g}")
    return Seen(row["category"] == category, words)


@measure("words", (HEADS, "hero_heads"), STUDY_TASKS)
def is_hero(evidence: Evidence, models: Models, layer: int, head: int, category: str) -> Result:
    """One head of a model is among the three strongest of its category."""
    table, heads = evidence.tables["hero_heads"], heads_of(evidence, models[0])
    heroes = table[(table["model"] == models[0]) & (table["category"] == category)]
    found = heroes[(heroes["layer"] == layer) & (heroes["head"] == head)]
    names = [f"L{a}H{b}" for a, b in zip(heroes["layer"], heroes["head"], strict=True)]
    words = f"its {category} heroes are {', '.join(names) or 'none'}"
    if evidence.imported(HEADS):
        return Seen(len(found) > 0, words)
    sure = (found["category_stability"] >= ENOUGH).all() if len(found) else are_told(heads)
    return Seen(len(found) > 0 if sure else None, words)


def _most(truths: pd.Series[bool]) -> bool | None:
    return bool(truths.mean() > 0.5) if len(truths) else None


def _none_told(rows: pd.DataFrame) -> bool | None:
    """Whether there are such heads, where of none it is sure: there are none, or not known."""
    return None if len(rows) else False


def _strongest(heads: pd.DataFrame, category: str) -> float:
    """The largest strength of a category; 0 where it has no heads."""
    found = heads.loc[heads["category"] == category, "strength"]
    return float(found.max()) if len(found) else 0.0
