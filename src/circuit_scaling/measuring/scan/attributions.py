"""Attribution scores of every head of a model: approximate, in a table of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.attribute import attribute
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import head_names
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.measuring.shared.batches import batches_of, by_prompt
from circuit_scaling.measuring.shared.finite import check_finite
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.spec import Tasks
from circuit_scaling.tables.scan import HEAD_ATTRIBUTIONS


def head_attributions(
    slug: str,
    entry: RosterEntry,
    anatomy: Anatomy,
    tasks: Tasks,
    settings: ScanSettings,
    prompts: pd.DataFrame,
    chunk: Chunk,
    fingerprint: str,
) -> pd.DataFrame:
    """The table ``head_attributions``: every scanned task whose readout is the contrast.

    The interventions, means and donors are those of the exact scan.
    """
    layers, heads = np.divmod(np.arange(anatomy.n_layers * anatomy.n_heads), anatomy.n_heads)
    frames = [
        pd.DataFrame(
            {
                "family": entry.family,
                "model": slug,
                "layer": layers,
                "head": heads,
                "task": task,
                "method": "attribution",
                "ablation": intervention.ablation,
                "positions": intervention.positions,
                "delta": scores.mean(axis=1, dtype=np.float64),
                "n_prompts": scores.shape[1],
                "n_layers": anatomy.n_layers,
                "n_heads": anatomy.n_heads,
                "fingerprint": fingerprint,
            }
        )
        for task, spec in tasks.scanned().items()
        if spec.readout == "contrast"
        for intervention, scores in attribution_scores(
            anatomy, task, spec.reference, settings, prompts, chunk
        ).items()
    ]
    return pd.concat(frames, ignore_index=True) if frames else HEAD_ATTRIBUTIONS.empty()


def attribution_scores(
    anatomy: Anatomy,
    task: str,
    reference: str,
    settings: ScanSettings,
    prompts: pd.DataFrame,
    chunk: Chunk,
) -> dict[AblationKind, NDArray[np.float32]]:
    """Scores [layers * heads, prompts] of one task by intervention, in the order of ``prompts``."""
    ablations = {
        Ablation(i.ablation, i.positions, settings.draws, settings.seed): i
        for i in settings.kinds(task)
    }

    def scores(batch: Batch) -> dict[AblationKind, NDArray[np.float32]]:
        measured = attribute(anatomy, batch, tuple(ablations), chunk)
        return {
            ablations[a]: values.reshape(-1, values.shape[-1]) for a, values in measured.items()
        }

    found = by_prompt(batches_of(prompts, task, reference), scores)
    for intervention, values in found.items():
        what = f"the model under {intervention} ablation"
        check_finite(task, what, {"the attribution score": values}, head_names(anatomy.heads))
    return found
