"""Columns of tables with a row per head of the model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.interventions.model.anatomy import Anatomy


def layers_and_heads(anatomy: Anatomy) -> dict[str, NDArray[np.int64]]:
    """The columns ``layer`` and ``head`` of all heads, in the order of ``anatomy.heads``."""
    layers, heads = np.indices((anatomy.n_layers, anatomy.n_heads)).reshape(2, -1)
    return {"layer": layers, "head": heads}
