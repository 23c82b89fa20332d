"""Nodes of the join: check that scans are fresh, lay them out by head, put models together."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.join.agreement import ablation_agreement as ablation_agreement_of
from circuit_scaling.analysis.join.attribution import attribution_agreement as agreement_of
from circuit_scaling.analysis.join.heads import join_model
from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.figures.join.agreement import ablation_agreement as draw_agreement
from circuit_scaling.figures.join.agreement import against_primary
from circuit_scaling.figures.join.attribution import attribution_agreement as draw_attribution
from circuit_scaling.figures.join.attribution import of_name_tasks
from circuit_scaling.figures.join.bos import bos_effects as draw_bos
from circuit_scaling.figures.join.competence import competence as draw_competence
from circuit_scaling.measuring.scan.freshness import check_fresh
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.measuring.shared.columns import JoinSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.pipelines.per_model import stack
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.tables.made_with import parameter


def join_one_model(
    entry: RosterEntry,
    tasks: Tasks,
    prompt_settings: PromptSettings,
    scan_settings: ScanSettings,
    settings: JoinSettings,
    **scanned: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Refuse a scan that does not fit the configuration; else lay it out by head.

    ``scanned`` are prompts, head_effects, head_attributions and head_profiles.

    Raises:
        CircuitScalingError: ``settings`` name a task that is not scanned or has no answer, or the
            scan was made with something else than the present configuration.
    """
    if unknown := settings.unknown(tasks):
        raise CircuitScalingError(
            f"'join' names {', '.join(unknown)}, which is no scanned task with an answer. There "
            f"are: {', '.join(tasks.scanned())}."
        )
    prompts, measured = scanned["prompts"], (scanned["head_effects"], scanned["head_attributions"])
    check_fresh(entry, tasks, prompt_settings, scan_settings, prompts, *measured)
    effects, attributions = (settings.as_columns(table) for table in measured)
    joined = join_model(
        entry.params_m,
        scan_settings,
        settings.as_columns(prompts),
        effects,
        scanned["head_profiles"],
    )
    return {
        "joint_prompts": prompts.assign(family=entry.family, model=entry.slug)[
            ["family", "model", *prompts]
        ],
        "joint_heads": joined.joint_heads,
        "joint_effects": joined.joint_effects,
        "attribution_agreement": agreement_of(effects, attributions),
    }


def compare_ablations(
    scan_settings: ScanSettings, settings: JoinSettings, tau: float, head_effects: pd.DataFrame
) -> pd.DataFrame:
    """Where the kinds of ablation agree; apart, because nothing else of the join knows tau."""
    return ablation_agreement_of(settings.as_columns(head_effects), scan_settings, tau)


def stack_competence(settings: JoinSettings, *tables: pd.DataFrame) -> pd.DataFrame:
    """What every model can do, with tasks called as the columns that they feed."""
    return settings.as_columns(stack(*tables))


def draw(
    competence: pd.DataFrame,
    ablation_agreement: pd.DataFrame,
    attribution_agreement: pd.DataFrame,
    bos_effects: pd.DataFrame,
    tau: float,
) -> Drawn:
    """What models can do, where the ablations disagree, what attribution finds and BOS does."""
    kind = parameter(ablation_agreement, "scan.primary", "ablation_agreement")
    primary = (kind["ablation"], kind["positions"])
    return {
        "competence": (draw_competence(competence), competence),
        "ablation_agreement": (
            draw_agreement(ablation_agreement, primary),
            against_primary(ablation_agreement, primary),
        ),
        "attribution_agreement": (
            draw_attribution(attribution_agreement),
            of_name_tasks(attribution_agreement),
        ),
        "bos_effects": (draw_bos(bos_effects, tau), bos_effects.drop(columns="fingerprint")),
    }
