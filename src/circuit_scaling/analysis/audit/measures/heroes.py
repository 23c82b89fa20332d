"""Measures: what patching and ablating strong heads does, against random heads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from circuit_scaling.analysis.audit.evidence import Evidence
from circuit_scaling.analysis.audit.measures.heads import TASKS_OF
from circuit_scaling.analysis.audit.measures.registry import Models, measure
from circuit_scaling.analysis.audit.results import Result, Seen, Verdicts, all_of, percent, said
from circuit_scaling.vocabulary import ALPHA, STUDY_TASKS

_ABLATION = ("ablation_summary",)


@measure("words", _ABLATION, STUDY_TASKS)
def heroes_beat_random_heads(evidence: Evidence, models: Models) -> Result:
    """All heroes together do more damage than random heads of their layers, on both tasks."""

    def judged(row: dict[str, Any]) -> Seen:
        words = f"{said(row['mean_diff'])} against {said(row['matched_mean_diff'])}"
        return _tested(row["matched_p"], row["mean_diff"] < row["matched_mean_diff"], words)

    return _on_both_tasks(evidence, models, judged)


@measure("words", _ABLATION, STUDY_TASKS)
def heroes_cost_more_answers(evidence: Evidence, models: Models) -> Result:
    """Without all heroes together more answers are wrong than without random heads."""

    def judged(row: dict[str, Any]) -> Seen:
        left, random = row["accuracy"], row["matched_accuracy"]
        words = f"accuracy {percent(left)} against {percent(random)}"
        return _tested(row["matched_p_accuracy"], left < random, words)

    return _on_both_tasks(evidence, models, judged)


@measure("words", _ABLATION, STUDY_TASKS)
def random_heads_have_no_direction(evidence: Evidence, models: Models) -> Result:
    """Heroes do more damage than random heads, whose mean effect is not told from 0."""

    def judged(row: dict[str, Any]) -> Seen:
        low, high = row["matched_low"], row["matched_high"]
        words = f"{said(row['matched_mean_diff'])} [{said(low)}, {said(high)}]"
        if pd.isna(low):
            return Seen(None, f"{said(row['matched_mean_diff'])} without an interval")
        if not low <= 0 <= high:
            return Seen(False, words)
        return Seen(True if row["matched_p"] < ALPHA else None, words)

    return _on_both_tasks(evidence, models, judged)


@measure("words", ("causal_summary",), STUDY_TASKS)
def heroes_carry_the_task(evidence: Evidence, models: Models) -> Result:
    """Patching brings the answer back: of the heroes' own tasks more than half with q < 0.05."""
    table, seen = evidence.tables["causal_summary"], {}
    for model in models:
        rows = table[table["model"] == model]
        categories = zip(rows["category"], rows["task"], strict=True)
        rows = rows.loc[[task in TASKS_OF.get(category, ()) for category, task in categories]]
        found = (rows["denoising_q"] < ALPHA) & (rows["denoising_influence"] > 0)
        holds = bool(found.mean() > 0.5) if len(rows) else None
        seen[model] = Seen(holds, f"{found.sum()} of {len(rows)}")
    return Verdicts("model", seen)


def _tested(p: float, more_damage: bool, words: str) -> Seen:
    """Shown where p is small, refuted where there is no more damage, else not told."""
    holds = True if p < ALPHA else (None if more_damage else False)
    return Seen(None if pd.isna(p) else holds, words)


def _on_both_tasks(
    evidence: Evidence, models: Models, judged: Callable[[dict[str, Any]], Seen]
) -> Verdicts:
    """A verdict per model from the rows of all its heroes together, one for each task."""
    table = evidence.tables["ablation_summary"]
    primary = table[table["primary"] & (table["hero_set"] == "hero_joint")]
    seen = {}
    for model in models:
        rows = primary[(primary["model"] == model) & primary["task"].isin(STUDY_TASKS)]
        rows = rows[rows["k"] == rows["k"].max()]
        found = {row["task"]: judged(row) for row in rows.to_dict("records")}
        holds = all_of(one.holds for one in found.values()) if found else None
        seen[model] = Seen(holds, ", ".join(f"{task} {one.words}" for task, one in found.items()))
    return Verdicts("model", seen)
