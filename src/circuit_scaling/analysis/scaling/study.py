"""Every table of the scaling study, from the classified heads of all models."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.scaling.controls import control_models
from circuit_scaling.analysis.scaling.correlations import corr_vs_scale
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.analysis.scaling.strong_heads import strong_heads
from circuit_scaling.analysis.scaling.trends import scale_trend
from circuit_scaling.models.roster import Roster


def scaling_tables(
    classified_heads: pd.DataFrame,
    joint_effects: pd.DataFrame,
    competence: pd.DataFrame,
    roster: Roster,
    settings: ScalingSettings,
    classify: ClassifySettings,
) -> dict[str, pd.DataFrame]:
    """The tables of ``tables/scaling.py`` by name; the roster says what no model was taught."""
    correlations = corr_vs_scale(classified_heads, joint_effects, settings)
    strong, profile = strong_heads(classified_heads, joint_effects, settings, classify)
    untaught = [
        (slug, task)
        for slug, entry in roster.root.items()
        for task, objective in entry.objectives.items()
        if objective == "random"
    ]
    return {
        "corr_vs_scale": correlations,
        "strong_head_scaling": strong,
        "layer_profile": profile,
        "scale_trend": scale_trend(correlations, strong, classify.tau),
        "control_models": control_models(
            classified_heads, joint_effects, competence, untaught, classify.tau
        ),
    }
