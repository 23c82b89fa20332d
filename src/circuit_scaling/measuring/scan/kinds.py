"""Kinds of ablation of the configuration, as the engine takes them."""

from __future__ import annotations

from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings


def kinds_of(settings: ScanSettings, task: str) -> dict[Ablation, AblationKind]:
    """What the engine is asked for on a task, and what that is called; the primary kind first."""
    return {
        Ablation(kind.ablation, kind.positions, settings.draws, settings.seed): kind
        for kind in settings.kinds(task)
    }
