"""Nodes of the join: check that scans are fresh, lay them out by head, put models together."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.classify import ClassifySettings
from circuit_scaling.analysis.join import join_model
from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.agreement import ablation_agreement as draw_agreement
from circuit_scaling.figures.agreement import against_primary
from circuit_scaling.figures.clean_metric import competence as draw_competence
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.scanning.fingerprint import check_fresh
from circuit_scaling.scanning.spec import ScanSettings


def join_one_model(
    entry: RosterEntry,
    tasks: Tasks,
    prompt_settings: PromptSettings,
    scan_settings: ScanSettings,
    classify: ClassifySettings,
    prompts: pd.DataFrame,
    head_effects: pd.DataFrame,
    head_profiles: pd.DataFrame,
    *,
    slug: str,
) -> dict[str, pd.DataFrame]:
    """Refuse a scan that does not fit the configuration; else lay it out by head."""
    check_fresh(slug, entry, tasks, prompt_settings, scan_settings, prompts, head_effects)
    joined = join_model(entry, scan_settings, classify.tau, prompts, head_effects, head_profiles)
    return {
        "joint_heads": joined.joint_heads,
        "joint_effects": joined.joint_effects,
        "ablation_agreement": joined.ablation_agreement,
    }


def draw(competence: pd.DataFrame, ablation_agreement: pd.DataFrame) -> Drawn:
    """How well the models do the tasks, and where the ablations disagree."""
    return {
        "competence": (draw_competence(competence), competence),
        "ablation_agreement": (
            draw_agreement(ablation_agreement),
            against_primary(ablation_agreement),
        ),
    }
