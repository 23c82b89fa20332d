"""Ablate several heads at once: many sets stacked, each from its lowest changed layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.interventions.anatomy import Anatomy
from circuit_scaling.interventions.batch import Ablation, Batch
from circuit_scaling.interventions.chunk import Chunk
from circuit_scaling.interventions.pairs import Head
from circuit_scaling.interventions.readouts import Readout


def mask_sets(
    anatomy: Anatomy,
    batch: Batch,
    sets: Sequence[Sequence[Head]],
    ablation: Ablation,
    readouts: Sequence[Readout] = ("contrast", "candidates"),
    chunk: Chunk | None = None,
) -> dict[Readout, NDArray[np.float32]]:
    """Ablate each set of heads, all of its heads together, and read the run that is left.

    The readouts are of the ablated runs themselves (``clean_readouts`` has those of the clean run;
    ``kl_to_clean`` is from the clean to the ablated run), float32 [sets, prompts] each; with several
    draws, their mean. An empty set is the clean run.

    Raises:
        CircuitScalingError: a head is outside the model's shape; the batch does not fit together or
            does not fit the model; references or donors are missing.
    """
    raise NotImplementedError
