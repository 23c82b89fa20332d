"""Measures: how the effects on the two tasks go together over the heads of a model."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pandas as pd

from circuit_scaling.analysis.audit.evidence import HEADS, Evidence
from circuit_scaling.analysis.audit.measures.heads import (
    are_told,
    by_size,
    heads_of,
    strong,
)
from circuit_scaling.analysis.audit.measures.registry import Models, measure
from circuit_scaling.analysis.audit.results import (
    Result,
    Seen,
    Unknown,
    Value,
    Verdicts,
    all_of,
    exceeds,
    said,
)
from circuit_scaling.statistics.agreement import pearson
from circuit_scaling.vocabulary import ALL_FAMILIES, STUDY_TASKS

_CORRELATIONS = ("corr_vs_scale",)
_NOTHING = Value(0.0, exact=True)
_MODERATE = Value(0.5, exact=True)


@measure("number", _CORRELATIONS, STUDY_TASKS)
def correlation(evidence: Evidence, models: Models) -> Result:
    """Pearson correlation over the heads of a model."""
    row = _row(evidence, models[0])
    if _undefined(row):
        return Unknown(f"the correlation of the true effects is not defined: {row['undefined']}")
    return _value(evidence, row)


@measure("words", _CORRELATIONS, STUDY_TASKS)
def correlation_grows(evidence: Evidence, models: Models) -> Result:
    """Positive in every model, and higher in every larger one."""
    values = _values(evidence, by_size(evidence, models))
    steps = [exceeds(after, before) for before, after in pairwise(values)]
    return Seen(all_of([*(exceeds(v, _NOTHING) for v in values), *steps]), _listed(values))


@measure("words", _CORRELATIONS, STUDY_TASKS)
def correlation_turns(evidence: Evidence, models: Models) -> Result:
    """Negative and falling with size, but for the largest model, where it is positive."""
    values = _values(evidence, by_size(evidence, models))
    falling = values[:-1]
    return Seen(
        all_of(
            [
                *(exceeds(_NOTHING, value) for value in falling),
                *(exceeds(before, after) for before, after in pairwise(falling)),
                exceeds(values[-1], _NOTHING),
            ]
        ),
        _listed(values),
    )


@measure("words", _CORRELATIONS, STUDY_TASKS)
def correlation_moderate(evidence: Evidence, models: Models) -> Result:
    """Positive and below one half."""
    seen = {}
    for model, value in zip(models, _values(evidence, models), strict=True):
        holds = all_of([exceeds(value, _NOTHING), exceeds(_MODERATE, value)])
        seen[model] = Seen(holds, said(value.value))
    return Verdicts("model", seen)


@measure("words", ("scale_trend", HEADS), STUDY_TASKS)
def correlation_has_a_trend(evidence: Evidence, models: Models) -> Result:
    """In families of three models or more, a slope against log parameters that is not 0."""
    trends = evidence.tables["scale_trend"]
    slopes = trends[
        (trends["measure"] == "corr") & (trends["family"] != ALL_FAMILIES) & trends["low"].notna()
    ]
    return Verdicts(
        "family",
        {
            str(row["family"]): Seen(
                True if row["low"] > 0 or row["high"] < 0 else None,
                f"slope {said(row['slope'])} [{said(row['low'])}, {said(row['high'])}]",
            )
            for row in slopes.to_dict("records")
        },
    )


@measure("words", (HEADS,), STUDY_TASKS)
def strong_heads_align(evidence: Evidence, models: Models) -> Result:
    """The correlation over strong heads alone is higher in every larger model."""
    found = [heads_of(evidence, model) for model in by_size(evidence, models)]
    corr = [pearson(h["ioi"].to_numpy(), h["anti_names"].to_numpy()) for h in map(strong, found)]
    known = not any(map(math.isnan, corr)) and all(map(are_told, found))
    grows = all(a < b for a, b in pairwise(corr))
    return Seen(grows if known else None, ", ".join(said(value) for value in corr))


def _row(evidence: Evidence, model: str) -> dict[Any, Any]:
    table = evidence.tables["corr_vs_scale"]
    return table[table["model"] == model].to_dict("records")[0]


def _undefined(row: dict[Any, Any]) -> bool:
    """Whether it was measured by prompts, and the effects do not tell it."""
    return bool(row["undefined"]) and row["n_clusters_ioi"] > 0


def _value(evidence: Evidence, row: dict[Any, Any]) -> Value:
    return Value(
        row["corr"],
        row["corr_true_low"],
        row["corr_true_high"],
        nothing=0.0,
        exact=evidence.imported(HEADS) or pd.isna(row["corr"]),
    )


def _values(evidence: Evidence, models: Models) -> list[Value]:
    return [_value(evidence, _row(evidence, model)) for model in models]


def _listed(values: list[Value]) -> str:
    return ", ".join(said(value.value) for value in values)
