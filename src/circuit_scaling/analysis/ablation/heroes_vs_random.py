"""Do hero heads do more than random heads? From the trials of a model to its summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.measuring.scan.settings import AblationKind
from circuit_scaling.statistics.clusters import cluster_totals
from circuit_scaling.statistics.means import cluster_means
from circuit_scaling.statistics.random_sets import against_random
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.tables.ablation import ABLATION_SUMMARY, HERO_SETS, RANDOM_SETS
from circuit_scaling.vocabulary import ALPHA

_MEASUREMENT = ["task", "readout", "ablation", "positions"]
EFFECT = ("mean_diff", "low", "high")
ACCURACY = ("accuracy", "accuracy_low", "accuracy_high")
_DIFFERENCE = ("difference", "difference_low", "difference_high")
_OTHERS = (*RANDOM_SETS, "weakest")

_Row = dict[str, Any]
_Values = NDArray[np.float64]
_Estimate = tuple[_Row, Sequence[str], _Values | None]
"""A row, the names of a mean and its interval there, and the values by prompt, if there are any."""


def summarise(
    trials: pd.DataFrame,
    prompts: pd.DataFrame,
    competence: pd.DataFrame,
    primary: AblationKind,
) -> pd.DataFrame:
    """The table ``ablation_summary`` of one model: a row per hero set, task and ablation.

    ``mean_diff`` is m(ablated) - m(clean). Intervals are over clusters of ``test`` prompts, the
    sets being given; how random sets differ is in p, effect size and band (``from`` to ``to``).
    ``difference`` is heroes minus the mean of the other sets, with its interval over the same
    prompts. Damage is a fall of contrast and accuracy, and a rise of the controls' readouts.

    Args:
        trials, prompts, competence: of the model (``competence`` may hold others as well).
        primary: the scan's primary ablation.
    """
    rows: list[_Row] = []
    for key, group in trials.groupby(_MEASUREMENT, sort=False):
        first = group.iloc[0]
        task = first["task"]
        asked = prompts[(prompts["task"] == task) & (prompts["split"] == "test")]
        able = competence[(competence["model"] == first["model"]) & (competence["task"] == task)]
        clusters = asked["cluster"].to_numpy()
        shared = {
            **{name: first[name] for name in ("family", "model", "clean_metric", "fingerprint")},
            **dict(zip(_MEASUREMENT, key, strict=True)),
            "primary": first["ablation"] == primary.ablation,
            "n_prompts": len(clusters),
            "n_clusters": len(set(clusters)),
            "competent": able["competent"].iloc[0] if len(able) else pd.NA,
        }
        rows += [{**shared, **row} for row in _compare(group, clusters)]
    return ABLATION_SUMMARY.of(rows)


def _compare(trials: pd.DataFrame, clusters: _Values) -> list[_Row]:
    """Every hero set of one task and ablation, against the other sets of as many heads."""
    harm = -1 if trials["readout"].iloc[0] == "contrast" else 1
    clean = _by_prompt(trials[trials["set_type"] == "clean"], "correct")
    rows, estimates = [], list[_Estimate]()
    for hero in trials[trials["set_type"].isin(HERO_SETS)].to_dict("records"):
        name, k = hero["set_type"], hero["k"]
        row: _Row = {"hero_set": name, "k": k, "reason": hero["reason"]}
        of_size = trials[trials["k"] == k]
        own = of_size[of_size["set_type"] == name]
        estimates.append((row, [f"clean_{part}" for part in ACCURACY], _mean(clean)))
        estimates += _levels(row, "", own)
        for kind in _OTHERS:
            others = of_size[(of_size["set_type"] == kind) & of_size["matched_to"].isin(["", name])]
            row[f"{kind}_reason"] = "".join(others["reason"]) if len(others) else "not measured"
            estimates += _levels(row, f"{kind}_", others)
            ours, theirs = (_mean(_by_prompt(sets, "effects")) for sets in (own, others))
            difference = None if ours is None or theirs is None else ours - theirs
            estimates.append((row, [f"{kind}_{part}" for part in _DIFFERENCE], difference))
            if kind in RANDOM_SETS:
                row |= _placed(kind, own, others, harm)
        rows.append(row)
    _estimate(estimates, clusters)
    return rows


def _placed(kind: str, own: pd.DataFrame, others: pd.DataFrame, harm: int) -> _Row:
    """Where the heroes lie among random sets, in effect and in accuracy."""
    random = others[others["reason"] == ""].dropna(subset=["mean_diff"])
    n_random = len(random)
    effect = against_random(own["mean_diff"].iloc[0], random["mean_diff"], harm)
    right = against_random(own["accuracy"].iloc[0], random["accuracy"].dropna(), -1)
    return {
        f"{kind}_n": n_random,
        f"{kind}_p_floor": effect.p_floor,
        f"{kind}_sd": effect.sd,
        f"{kind}_effect_size": effect.effect_size,
        f"{kind}_from": effect.low,
        f"{kind}_to": effect.high,
        f"{kind}_p": effect.p,
        f"{kind}_q": np.nan,  # over models, hence not in the summary of one
        f"{kind}_note": _unreachable(n_random, effect.p_floor),
        f"{kind}_accuracy_from": right.low,
        f"{kind}_accuracy_to": right.high,
        f"{kind}_p_accuracy": right.p,
    }


def _unreachable(n_random: int, p_floor: float) -> str:
    """Why no p below the level can come out of so few random sets; empty where one can."""
    if not n_random or p_floor < ALPHA:
        return ""
    return f"only {n_random} other sets: p cannot fall below {p_floor:.2g}"


def over_models(summary: pd.DataFrame) -> pd.DataFrame:
    """The summaries of all models with ``matched_q`` and ``unmatched_q``.

    Benjamini-Hochberg over the models, for all heroes of a set on a task under one ablation; only
    over models in which a p below the level can come out. Fewer heroes of the set have no q: they
    were not the question.
    """
    keys = [*_MEASUREMENT, "hero_set"]
    most = summary["k"] == summary.groupby([*keys, "family", "model"])["k"].transform("max")
    columns: dict[str, pd.Series] = {}
    for kind in RANDOM_SETS:
        possible = most & (summary[f"{kind}_note"] == "")
        p = summary[f"{kind}_p"].where(possible)
        columns[f"{kind}_q"] = p.groupby([summary[key] for key in keys]).transform(
            lambda of_models: q_values(of_models.to_numpy())
        )
    return summary.assign(**columns)


def _levels(row: _Row, prefix: str, sets: pd.DataFrame) -> list[_Estimate]:
    """Mean effect and accuracy of the sets, each prompt with its mean over them."""
    return [
        (row, [f"{prefix}{part}" for part in names], _mean(_by_prompt(sets, column)))
        for names, column in ((EFFECT, "effects"), (ACCURACY, "correct"))
    ]


def _by_prompt(sets: pd.DataFrame, column: str) -> _Values:
    """Values of sets that were measured, [sets, prompts]."""
    measured = [np.asarray(values, dtype=np.float64) for values in sets[column] if len(values)]
    return np.stack(measured) if measured else np.empty((0, 0))


def _mean(values: _Values) -> _Values | None:
    return values.mean(axis=0) if len(values) else None


def _estimate(estimates: Sequence[_Estimate], clusters: _Values) -> None:
    """Write means and intervals into their rows; NaN where nothing was measured."""
    for row, names, _ in estimates:
        row.update(dict.fromkeys(names, np.nan))
    measured = [(row, names, values) for row, names, values in estimates if values is not None]
    if not measured:
        return
    totals = cluster_totals(np.stack([values for *_, values in measured]), clusters)
    means = cluster_means(totals)
    for (row, names, _), *found in zip(measured, means.mean, means.low, means.high, strict=True):
        row.update(zip(names, map(float, found), strict=True))
