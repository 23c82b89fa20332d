"""Nodes of the classification: categories, heroes, exports, figures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from circuit_scaling.analysis.classify import categories, heroes
from circuit_scaling.analysis.classify.exports import for_people
from circuit_scaling.analysis.classify.known_heads import known_heads as find_known_heads
from circuit_scaling.analysis.classify.name_order import name_order as compare_forms
from circuit_scaling.analysis.classify.power import prompts_needed_by
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.made_from import stamp_figures
from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.classify.category_shares import category_counts
from circuit_scaling.figures.classify.name_order import name_order as draw_name_order
from circuit_scaling.figures.classify.overview import phase_space_overview
from circuit_scaling.figures.classify.phase_space import all_heads_phase_space, family_grid
from circuit_scaling.models.roster import Roster, Rosters
from circuit_scaling.tables.made_with import parameter


def classify_heads(
    joint_heads: pd.DataFrame,
    joint_effects: pd.DataFrame,
    competence: pd.DataFrame,
    settings: ClassifySettings,
) -> dict[str, pd.DataFrame]:
    """Category of every head, counts per model, prompts that would settle them, sensitivity."""
    classified, summary = categories.classify_heads(
        joint_heads, joint_effects, competence, settings
    )
    return {
        "classified_heads": classified,
        "head_category_summary": summary,
        "prompts_needed": prompts_needed_by(joint_heads, joint_effects, competence, settings.tau),
        "name_order": compare_forms(joint_heads, joint_effects, settings.tau),
        "category_sensitivity": categories.sensitivity(joint_heads, competence, settings),
        "hero_heads": heroes.hero_heads(classified, settings),
    }


def look_up_known_heads(
    classified_heads: pd.DataFrame,
    joint_effects: pd.DataFrame,
    models: dict[str, Any],
    rosters: Rosters,
) -> pd.DataFrame:
    """The heads whose roles are published, and whether their effects have the expected sign."""
    roster = Roster.model_validate(models)
    return find_known_heads(classified_heads, joint_effects, roster, rosters)


def export(
    joint_heads: pd.DataFrame,
    head_category_summary: pd.DataFrame,
    hero_heads: pd.DataFrame,
    known_heads: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """The CSV tables for people."""
    tables = for_people(joint_heads, head_category_summary, hero_heads)
    return {**tables, "known_heads": known_heads}


def draw(
    classified_heads: pd.DataFrame,
    head_category_summary: pd.DataFrame,
    name_order: pd.DataFrame,
) -> Drawn:
    """The phase space of all heads, a panel per model, the counts, and what order does."""
    tau = parameter(classified_heads, "classify.tau", "classified_heads")
    keys = ["family", "model", "layer", "head", "delta_ioi", "se_ioi"]
    shown = classified_heads[[*keys, "delta_anti_names", "se_anti_names", "category"]]
    drawn: Drawn = {
        "all_heads_phase_space": (all_heads_phase_space(classified_heads, tau), shown),
        "phase_space_overview": (phase_space_overview(classified_heads, tau), shown),
        "family_grid": (family_grid(classified_heads, tau), shown),
        "name_order": (draw_name_order(name_order, tau), name_order),
        "category_counts": (category_counts(head_category_summary), head_category_summary),
    }
    return stamp_figures(drawn, classified_heads)
