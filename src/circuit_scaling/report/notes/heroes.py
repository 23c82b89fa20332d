"""Hero heads in words: their effects with intervals, and what is unsure about them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from circuit_scaling.figures.style import CATEGORIES, number
from circuit_scaling.report.blocks import MISSING, arrange, as_float, head_name, rows_of
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.notes.markdown import plain, table
from circuit_scaling.report.notes.words import bounded, model_name
from circuit_scaling.vocabulary import STRONG_CATEGORIES, STUDY_TASKS


def first_heroes(context: ReportContext) -> str:
    """A row per model: the first hero of each category with its two effects."""
    heroes = arrange(context.tables["hero_heads"], context.order)
    strong = heroes[heroes["category"] != "weak"].sort_values("rank", kind="stable")
    first = {(row.model, row.category): row for row in rows_of(strong)[::-1]}
    rows = [
        (
            model_name(context, model),
            *(hero_words(context, first.get((model, name))) for name in STRONG_CATEGORIES),
        )
        for model in heroes["model"].drop_duplicates()
    ]
    return table(["model", *(CATEGORIES[name].label for name in STRONG_CATEGORIES)], rows)


def hero_words(context: ReportContext, hero: Any) -> str:
    """``L2H10: −0.19 [−0.31, −0.07], −0.01 [−0.04, 0.03]``, with its flags; a dash for none."""
    if hero is None:
        return MISSING
    words = ", ".join(effect_words(context, hero, task, 2) for task in STUDY_TASKS)
    flags = "".join(f" ({plain(flag)})" for flag in flags_of(context, hero))
    return f"**{head_name(hero.layer, hero.head)}**{flags}: {words}"


def effect_words(context: ReportContext, hero: Any, task: str, digits: int = 3) -> str:
    """The effect of a hero on a task with its interval, else its standard error, else alone."""
    heads = context.tables.get("classified_heads")
    value, se = getattr(hero, f"delta_{task}"), getattr(hero, f"se_{task}", None)
    low = high = None
    if heads is not None and f"low_{task}" in heads:
        found = context.of_model("classified_heads", hero.model)
        found = found[(found["layer"] == hero.layer) & (found["head"] == hero.head)]
        if len(found):
            low, high = (found[f"{end}_{task}"].iloc[0] for end in ("low", "high"))
    if pd.isna([as_float(low), as_float(high)]).any() and not pd.isna(as_float(se)):
        return f"{number(as_float(value), digits)} ± {number(as_float(se), digits)}"
    return bounded(value, low, high, digits)


def flags_of(context: ReportContext, hero: Any) -> list[str]:
    """What is unsure or suspect about the hero."""
    key = (hero.model, hero.layer, hero.head)
    found = (context.unsure_heroes.get(key), context.suspect.get(key))
    return [flag for flag in found if flag]
