"""Measures: at which layers heads of a category lie."""

from __future__ import annotations

import pandas as pd
import scipy  # its submodules load on first use, which keeps importing this module cheap

from circuit_scaling.analysis.audit.evidence import HEADS, Evidence
from circuit_scaling.analysis.audit.measures.heads import (
    are_told,
    family_of,
    heads_of,
    strong,
)
from circuit_scaling.analysis.audit.measures.registry import Models, measure
from circuit_scaling.analysis.audit.results import Result, Seen, Verdicts, percent, said
from circuit_scaling.vocabulary import ALPHA, STRONG_CATEGORIES, STUDY_TASKS

_MIDDLE = 0.5


@measure("words", (HEADS,), STUDY_TASKS)
def in_layers(evidence: Evidence, models: Models, category: str, layers: list[int]) -> Result:
    """More heads of a category lie in some layers than as many random heads would (p < 0.05)."""
    seen = {}
    for model in models:
        heads = heads_of(evidence, model)
        there, of_it = heads["layer"].isin(layers), heads["category"] == category
        n, n_there = int(of_it.sum()), int((of_it & there).sum())
        p = scipy.stats.hypergeom.sf(n_there - 1, len(heads), int(there.sum()), n)
        fewer = n > 0 and n_there / n <= there.mean()
        holds = True if p < ALPHA else (False if fewer or not n else None)
        words = f"{n_there} of {n} {category} heads, where {percent(there.mean())} of all are"
        seen[model] = Seen(holds if are_told(heads) else None, words)
    return Verdicts("model", seen)


@measure("words", (HEADS,), STUDY_TASKS)
def late(evidence: Evidence, models: Models, category: str | None = None) -> Result:
    """More than half of the heads of a category (of all strong heads) are in the second half."""
    seen = {}
    for model in models:
        heads = heads_of(evidence, model)
        found = strong(heads) if category is None else heads[heads["category"] == category]
        depth = found["depth"].dropna()
        behind = int((depth > _MIDDLE).sum())
        holds = 2 * behind > len(depth) if len(depth) and are_told(heads) else None
        seen[model] = Seen(holds, f"{behind} of {len(depth)} heads")
    return Verdicts("model", seen)


@measure("words", (HEADS,), STUDY_TASKS)
def roles_are_apart_early(evidence: Evidence, models: Models) -> Result:
    """In the first half of the layers, more heads are strong on one task than on both."""
    seen = {}
    for model in models:
        heads = heads_of(evidence, model)
        early = strong(heads[heads["depth"] <= _MIDDLE])["category"]
        alone, both = int((early != "shared").sum()), int((early == "shared").sum())
        holds = alone > both if are_told(heads) and len(early) else None
        seen[model] = Seen(holds, f"{alone} on one task, {both} on both")
    return Verdicts("model", seen)


@measure("words", (HEADS,), STUDY_TASKS)
def lies_earlier(evidence: Evidence, models: Models, family: str) -> Result:
    """Heads of each category lie at a smaller mean relative depth in a family than in others."""
    found = {model: heads_of(evidence, model) for model in models}
    sides: dict[bool, list[pd.DataFrame]] = {True: [], False: []}
    for model, heads in found.items():
        sides[family_of(evidence, model) == family].append(strong(heads))
    if not (sides[True] and sides[False]):
        return Seen(None, "there are not both families")
    ours, others = (
        pd.concat(sides[side]).groupby("category")["depth"].mean() for side in (True, False)
    )
    both = pd.DataFrame({"ours": ours, "others": others}).reindex(list(STRONG_CATEGORIES))
    holds = bool((both["ours"] < both["others"]).all())
    known = bool(both.notna().all(axis=None)) and all(map(are_told, found.values()))
    words = ", ".join(
        f"{name} {said(row['ours'])} against {said(row['others'])}" for name, row in both.iterrows()
    )
    return Seen(holds if known else None, words)
