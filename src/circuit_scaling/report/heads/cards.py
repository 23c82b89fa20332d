"""All heads as plain JSON: a line for the table of heads, and the sections of every card."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import CATEGORIES, METHODS, both_abilities
from circuit_scaling.report.blocks import ABILITY_FLAGS, as_float, head_name, rows_of
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.heads.facts import SECTIONS, TABLES, Key

_PRECISION = 5  # significant digits of the numbers in the table of heads
_WORDS = ("head", "model", "family", "category", "competence")
_NUMBERS = {"Δ_ioi": 3, "± ioi": 3, "Δ_anti": 3, "± anti": 3, "stability": 2}  # name -> digits
_RANK_DIGITS = 1


def tables_of_cards() -> tuple[str, ...]:
    """The tables that cards are made from, each as far as it is there."""
    return TABLES


def heads_json(context: ReportContext) -> str:
    """``{"columns", "words", "digits", "rows", "sections"}``, safe inside a script element.

    ``rows`` are the heads, with as many ``words`` first and numbers after them, null where not
    measured, to be shown with so many ``digits``; ± are standard errors. ``sections`` have a title,
    columns and, by the index of a head, its rows of words.
    """
    lines = _lines(context)
    order = {key: index for index, key in enumerate(lines)}
    sections = []
    for section in SECTIONS:
        facts = section(context)
        if facts is None or not facts.rows:
            continue
        rows = {order[key]: told for key, told in facts.rows.items() if key in order and told}
        if rows:
            sections.append({"title": facts.title, "columns": facts.columns, "rows": rows})
    methods = _methods(context)
    spec = {
        "columns": [*_WORDS, *_NUMBERS, *(f"mean rank, {label}" for label in methods.values())],
        "words": len(_WORDS),
        "digits": [*_NUMBERS.values(), *(_RANK_DIGITS for _ in methods)],
        "rows": list(lines.values()),
        "sections": sections,
    }
    text = json.dumps(spec, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")


def _methods(context: ReportContext) -> dict[str, str]:
    rankings = context.tables.get("head_rankings")
    if rankings is None:
        return {}
    named = dict.fromkeys(str(name) for name in rankings["method"])
    return {name: METHODS[name].label if name in METHODS else name for name in named}


def _lines(context: ReportContext) -> dict[Key, list[Any]]:
    """Every head once: those that were ablated, then those that were only ranked."""
    methods = _methods(context)
    ranks = _mean_ranks(context.tables.get("head_rankings"))
    lines: dict[Key, list[Any]] = {}
    heads = context.tables.get("classified_heads")
    if heads is not None:
        for row, ability in zip(rows_of(heads), both_abilities(heads), strict=True):
            key = (str(row.model), int(row.layer), int(row.head))
            words = [head_name(row.layer, row.head), str(row.model), str(row.family)]
            words += [CATEGORIES[row.category].label, ABILITY_FLAGS[ability] or "competent"]
            numbers = [row.delta_ioi, row.se_ioi, row.delta_anti_names, row.se_anti_names]
            numbers.append(row.category_stability)
            lines[key] = [*words, *map(_rounded, numbers), *(ranks.get((key, m)) for m in methods)]
    rankings = context.tables.get("head_rankings")
    if rankings is not None:
        families = dict(zip(rankings["model"], rankings["family"], strict=True))
        for key in dict.fromkeys(key for key, _ in ranks):
            model, layer, head = key
            words = [head_name(layer, head), model, str(families[model]), "", ""]
            numbers = [None] * len(_NUMBERS)
            line = [*words, *numbers, *(ranks.get((key, method)) for method in methods)]
            lines.setdefault(key, line)
    return lines


def _mean_ranks(rankings: pd.DataFrame | None) -> Mapping[tuple[Key, str], float]:
    if rankings is None:
        return {}
    listed = rankings.dropna(subset=["rank"])
    keys = ["model", "layer", "head", "method"]
    means = listed.groupby(keys, sort=False)["rank"].mean().reset_index()
    return {
        ((str(row.model), int(row.layer), int(row.head)), str(row.method)): round(row.rank, 1)
        for row in rows_of(means)
    }


def _rounded(value: object) -> float | None:
    known = as_float(value)
    return None if math.isnan(known) else float(f"{known:.{_PRECISION}g}")
