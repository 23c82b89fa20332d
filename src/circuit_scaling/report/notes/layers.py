"""Where in a model the heads of each category lie, and whether that differs between categories."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import CATEGORIES
from circuit_scaling.report.blocks import MISSING, arrange, listed, rows_of
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found.finding import Finding, finding, more_than_chance
from circuit_scaling.report.notes.markdown import table
from circuit_scaling.report.notes.words import bounded, model_name
from circuit_scaling.vocabulary import STRONG_CATEGORIES, counted

_COMMONEST = 2  # layers that are named
_NAMED = 4  # orders of two categories


def where_categories_lie(context: ReportContext) -> str:
    """A row per model: heads of each category, their mean depth, and their commonest layers."""
    depths = _depths(context.tables["layer_profile"])
    heads = arrange(context.tables["classified_heads"], context.order)
    rows = [
        (
            model_name(context, model),
            *(
                _where(of_model[of_model["category"] == name], depths.get((str(model), name)))
                for name in STRONG_CATEGORIES
            ),
        )
        for model, of_model in heads.groupby("model", sort=False)
    ]
    return table(["model", *(CATEGORIES[name].label for name in STRONG_CATEGORIES)], rows)


def order_of_categories(context: ReportContext) -> Finding:
    """Whether two categories lie at different depths of one model: intervals that do not meet."""
    depths = _depths(context.tables["layer_profile"])
    tested, apart = 0, []
    for model in dict.fromkeys(model for model, _ in depths):
        for pair in combinations(STRONG_CATEGORIES, 2):
            one, other = (depths.get((model, name)) for name in pair)
            if one is None or other is None:
                continue
            ends = (one.mean_depth_low, one.mean_depth_high)
            if pd.isna([*ends, other.mean_depth_low, other.mean_depth_high]).any():
                continue
            tested += 1
            first = ends[1] < other.mean_depth_low
            if first or other.mean_depth_high < ends[0]:
                names = [CATEGORIES[name].label for name in (pair if first else pair[::-1])]
                apart.append(f"{' before '.join(names)} in {model}")
    otherwise = "that heads of different categories lie at different depths"
    if not tested:
        return finding("scaling", None, otherwise, "There are no intervals of mean depths.")
    more = [f"{len(apart) - _NAMED} more"] if len(apart) > _NAMED else []
    found = f" ({listed([*apart[:_NAMED], *more])})" if apart else ""
    numbers = (
        f"Intervals of mean depths do not meet in {len(apart) or 'none'} of"
        f" {counted(tested, 'comparison')} of two categories in a model{found}."
    )
    shown = "Categories lie at different depths." if more_than_chance(len(apart), tested) else None
    return finding("scaling", shown, otherwise, numbers)


def _depths(profile: pd.DataFrame) -> dict[tuple[str, str], Any]:
    """(model, category) -> its row with the mean depth, where it has heads."""
    once = profile.drop_duplicates(["model", "category"]).dropna(subset=["mean_depth"])
    return {(str(row.model), str(row.category)): row for row in rows_of(once)}


def _where(heads: pd.DataFrame, depth: Any) -> str:
    """``4 at 0.56 [0.41, 0.70]: L2 (2), L0 (1)``; a dash for none."""
    if heads.empty:
        return MISSING
    commonest = (
        heads["layer"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    )
    layers = [f"L{layer} ({n})" for layer, n in commonest.head(_COMMONEST).items()]
    mean = ""
    if depth is not None:
        words = bounded(depth.mean_depth, depth.mean_depth_low, depth.mean_depth_high)
        mean = f" at {words}"
    return f"{len(heads)}{mean}: {', '.join(layers)}"
