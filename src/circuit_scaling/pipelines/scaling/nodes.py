"""Nodes of the scaling study: measure, export, draw."""

from __future__ import annotations

from typing import Any

import pandas as pd

from circuit_scaling.analysis.classify.categories import at_taus
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.made_from import stamp, stamp_like
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.analysis.scaling.study import scaling_tables
from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.classify.phase_space import delta_scatter
from circuit_scaling.figures.scaling.correlations import corr_vs_scale_cross_family
from circuit_scaling.figures.scaling.layers import (
    layer_counts,
    layer_counts_at_taus,
    layer_hist,
    layer_hist_taus,
)
from circuit_scaling.figures.scaling.scatter_taus import delta_scatter_taus
from circuit_scaling.figures.scaling.strong_heads import strong_head_scaling as draw_strong_heads
from circuit_scaling.figures.style import file_name
from circuit_scaling.models.roster import Roster
from circuit_scaling.tables.made_with import parameter


def measure_scaling(
    classified_heads: pd.DataFrame,
    joint_effects: pd.DataFrame,
    competence: pd.DataFrame,
    models: dict[str, Any],
    settings: ScalingSettings,
    classify: ClassifySettings,
) -> dict[str, pd.DataFrame]:
    """Correlations, strong heads, depths, trends, and what the control models show."""
    roster = Roster.model_validate(models)
    measured = scaling_tables(
        classified_heads, joint_effects, competence, roster, settings, classify
    )
    return stamp(measured, classified_heads)


def export(corr_vs_scale: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The CSV table for people; ``corr`` is the Pearson correlation over the table's rows."""
    return {"corr_vs_scale_cross_family": corr_vs_scale}


def draw(
    classified_heads: pd.DataFrame,
    corr_vs_scale: pd.DataFrame,
    strong_head_scaling: pd.DataFrame,
) -> Drawn:
    """Both figures over all models, and for each model its heads by layer and by effect.

    These are drawn for the threshold of the heads, and for all that their sensitivity is shown at.
    """
    tau = parameter(classified_heads, "classify.tau", "classified_heads")
    taus = parameter(classified_heads, "classify.taus", "classified_heads")
    drawn: Drawn = {
        "corr_vs_scale_cross_family": (corr_vs_scale_cross_family(corr_vs_scale), corr_vs_scale),
        "strong_head_scaling": (
            draw_strong_heads(strong_head_scaling, tau),
            strong_head_scaling,
        ),
    }
    keys = ["family", "model", "layer", "head", "category"]
    effects = ["delta_ioi", "se_ioi", "delta_anti_names", "se_anti_names"]
    for model, heads in classified_heads.groupby("model", sort=False):
        name = file_name(str(model))
        drawn[f"layer_hist_{name}"] = (layer_hist(heads), layer_counts(heads))
        drawn[f"{name}_delta_scatter"] = (
            delta_scatter(heads, tau),
            heads[[*keys, *effects]],
        )
        at = at_taus(heads, taus)
        drawn[f"{name}_layer_hist_taus"] = (layer_hist_taus(at), layer_counts_at_taus(at))
        drawn[f"{name}_delta_scatter_taus"] = (
            delta_scatter_taus(at, tau),
            at[["tau", *keys, *effects]],
        )
    return stamp_like(drawn, corr_vs_scale)
