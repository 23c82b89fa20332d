"""Measures: how many strong heads there are, by model, family and size."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from circuit_scaling.analysis.audit.evidence import HEADS, Evidence
from circuit_scaling.analysis.audit.measures.heads import (
    TAU,
    are_told,
    by_size,
    families_by_size,
    heads_of,
    strong,
)
from circuit_scaling.analysis.audit.measures.registry import Models, measure
from circuit_scaling.analysis.audit.results import (
    Result,
    Seen,
    Value,
    Verdicts,
    all_of,
    exceeds,
    percent,
    said,
)
from circuit_scaling.vocabulary import STUDY_TASKS

_COUNTS = ("strong_head_scaling",)
_HALF = Value(0.5, exact=True)


@measure("words", _COUNTS, STUDY_TASKS)
def more_strong_heads(evidence: Evidence, models: Models) -> Result:
    """The first model has more strong heads than each of the others."""
    first, *others = (_share(evidence, model, "strong", in_heads=True) for model in models)
    words = ", ".join(
        f"{model} {said(value.value, 0)}"
        for model, value in zip(models, (first, *others), strict=True)
    )
    return Seen(all_of(exceeds(first, other) for other in others), words)


@measure("words", _COUNTS, STUDY_TASKS)
def strong_heads_do_not_grow(evidence: Evidence, models: Models, factor: float) -> Result:
    """No model of a family has over ``factor`` times as many strong heads as the smallest."""
    seen = {}
    for family, members in families_by_size(evidence, models).items():
        first, *later = (_share(evidence, model, "strong", in_heads=True) for model in members)
        grew = [exceeds(value, first.times(factor)) for value in later]
        holds = all_of(None if more is None else not more for more in grew)
        seen[family] = Seen(holds, ", ".join(said(value.value, 0) for value in (first, *later)))
    return Verdicts("family", seen)


@measure("words", _COUNTS, STUDY_TASKS)
def mostly_weak(evidence: Evidence, models: Models) -> Result:
    """More than half of the heads are weak."""
    seen = {}
    for model in models:
        weak = _share(evidence, model, "weak")
        seen[model] = Seen(exceeds(weak, _HALF), percent(weak.value))
    return Verdicts("model", seen)


@measure("words", _COUNTS, STUDY_TASKS)
def shared_heads_grow(evidence: Evidence, models: Models) -> Result:
    """The largest model of a family has a larger share of shared heads than the smallest."""
    seen = {}
    for family, members in families_by_size(evidence, models).items():
        first, last = (_share(evidence, members[at], "shared") for at in (0, -1))
        words = f"{percent(first.value)} to {percent(last.value)}"
        seen[family] = Seen(exceeds(last, first), words)
    return Verdicts("family", seen)


@measure("words", (HEADS,), STUDY_TASKS)
def shared_among_strong_grow(evidence: Evidence, models: Models) -> Result:
    """Of the strong heads, a larger share is shared in every larger model."""
    found = [heads_of(evidence, model) for model in by_size(evidence, models)]
    shares = [float((strong(heads)["category"] == "shared").mean()) for heads in found]
    grows = all(a < b for a, b in pairwise(shares))
    words = ", ".join(percent(share) for share in shares)
    return Seen(grows if all(map(are_told, found)) else None, words)


@measure("words", (HEADS,), STUDY_TASKS)
def strong_heads_strengthen(evidence: Evidence, models: Models) -> Result:
    """In a family, strong heads are stronger on average in every larger model."""
    seen = {}
    for family, members in families_by_size(evidence, models).items():
        found = [heads_of(evidence, model) for model in members]
        means = [float(strong(heads)["strength"].mean()) for heads in found]
        grows = all(a < b for a, b in pairwise(means))
        known = all(map(are_told, found)) and bool(np.isfinite(means).all())
        seen[family] = Seen(grows if known else None, ", ".join(said(m) for m in means))
    return Verdicts("family", seen)


@measure("words", (HEADS,), STUDY_TASKS)
def every_head_is_there(evidence: Evidence, models: Models) -> Result:
    """Every head of the model's shape has a row."""
    table, seen = evidence.tables[HEADS], {}
    for model in models:
        rows = table[table["model"] == model]
        layers, per_layer = rows[["n_layers", "n_heads"]].iloc[0]
        if pd.isna(layers * per_layer):
            seen[model] = Seen(None, "its shape is not known")
            continue
        inside = (rows["layer"] < layers) & (rows["head"] < per_layer)
        whole = int(layers * per_layer)
        seen[model] = Seen(int(inside.sum()) == whole, f"{inside.sum()} of {whole} heads")
    return Verdicts("model", seen)


def _share(evidence: Evidence, model: str, category: str, *, in_heads: bool = False) -> Value:
    """Share of heads of a category (or ``strong`` ones) at ``TAU``, with that without noise.

    Args:
        in_heads: as a number of heads.
    """
    table = evidence.tables["strong_head_scaling"]
    rows = table[(table["model"] == model) & np.isclose(table["tau"], TAU)]
    if rows.empty:
        return Value(np.nan, words=f"no shares at {TAU:g}")
    row = rows.iloc[0]
    low, high = row[f"frac_{category}_low"], row[f"frac_{category}_high"]
    share = Value(row[f"frac_{category}"], low, high, exact=evidence.imported(HEADS))
    return share.times(row["n_heads_total"]) if in_heads else share
