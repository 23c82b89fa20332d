"""Attribution scores of every head of a model: approximate, in a table of their own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.attribute import attribute
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import head_names
from circuit_scaling.measuring.scan.kinds import kinds_of
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.measuring.shared.batches import batches_of, by_prompt
from circuit_scaling.measuring.shared.finite import check_finite
from circuit_scaling.measuring.shared.rows import layers_and_heads


def attribution_rows(
    anatomy: Anatomy, task: str, scored: Mapping[AblationKind, NDArray[np.float32]]
) -> pd.DataFrame:
    """Rows of ``head_attributions``: one task under every kind of ablation.

    Args:
        scored: as :func:`attribution_scores` gives it.
    """
    of_kinds = [
        pd.DataFrame(
            {
                **layers_and_heads(anatomy),
                "task": task,
                "method": "attribution",
                "ablation": kind.ablation,
                "positions": kind.positions,
                "delta": scores.mean(axis=1, dtype=np.float64),
                "n_prompts": scores.shape[1],
            }
        )
        for kind, scores in scored.items()
    ]
    return pd.concat(of_kinds, ignore_index=True)


def attribution_scores(
    anatomy: Anatomy,
    task: str,
    reference: str,
    settings: ScanSettings,
    prompts: pd.DataFrame,
    chunk: Chunk,
) -> dict[AblationKind, NDArray[np.float32]]:
    """Scores [layers * heads, prompts] of one task by kind, in the order of ``prompts``.

    Raises:
        CircuitScalingError: as :func:`attribute`, or a score is not finite.
    """
    ablations = kinds_of(settings, task)

    def scores(batch: Batch) -> dict[AblationKind, NDArray[np.float32]]:
        measured = attribute(anatomy, batch, tuple(ablations), chunk)
        return {
            ablations[a]: values.reshape(-1, values.shape[-1]) for a, values in measured.items()
        }

    found = by_prompt(batches_of(prompts, task, reference), scores)
    for kind, values in found.items():
        what = f"the model under {kind} ablation"
        check_finite(task, what, {"the attribution score": values}, head_names(anatomy.heads))
    return found
