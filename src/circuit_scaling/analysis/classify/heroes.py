"""The hero heads: the strongest of each model and category."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.tables.classify import HERO_HEADS
from circuit_scaling.vocabulary import CATEGORIES

_MODEL = ["family", "model"]


def hero_heads(classified: pd.DataFrame, settings: ClassifySettings) -> pd.DataFrame:
    """The strongest heads of each model and category.

    Category, choice and rank come from ``select`` prompts alone, so that ``test`` prompts had no
    part in any of them.
    """
    of_select = {"category": "category_select", "category_stability": "stability_select"}
    ranked = classified.assign(**{name: classified[own] for name, own in of_select.items()})
    ranked = ranked.sort_values(
        ["strength_select", "layer", "head"], ascending=[False, True, True], kind="stable"
    )
    ranked["rank"] = ranked.groupby([*_MODEL, "category"], sort=False).cumcount() + 1
    heroes = ranked[ranked["rank"] <= settings.top_k]
    order = {category: i for i, category in enumerate(CATEGORIES)}
    heroes = heroes.assign(
        _order=heroes["category"].map(order), _model=_first_seen(classified, heroes)
    )
    heroes = heroes.sort_values(["_model", "_order", "rank"], kind="stable")
    return heroes[list(HERO_HEADS.columns)].reset_index(drop=True)


def _first_seen(classified: pd.DataFrame, heroes: pd.DataFrame) -> pd.Series:
    """Models in the order of the roster."""
    place = {model: i for i, model in enumerate(dict.fromkeys(classified["model"]))}
    return heroes["model"].map(place)
