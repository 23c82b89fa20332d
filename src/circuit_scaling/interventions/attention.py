"""Where heads look: attention from the last position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.interventions.anatomy import Anatomy
from circuit_scaling.interventions.chunk import Chunk
from circuit_scaling.interventions.pairs import Head


def attention_from_end(
    anatomy: Anatomy,
    tokens: NDArray[np.int64],
    heads: Sequence[Head],
    chunk: Chunk | None = None,
) -> NDArray[np.float32]:
    """Attention of each head from the last position of ``tokens`` [prompts, pos] to every position.

    Returns:
        float32 [heads, prompts, pos]; each row sums to 1.
    """
    raise NotImplementedError
