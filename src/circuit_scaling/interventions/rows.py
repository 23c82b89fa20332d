"""As many prompts at a time as fit the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.interventions.chunk import Chunk
from circuit_scaling.interventions.memory import is_out_of_memory

Measured = TypeVar("Measured")


def by_rows(
    shape: tuple[int, ...], chunk: Chunk, measure: Callable[[slice, Chunk], Measured]
) -> Iterator[Measured]:
    """Measure some prompts at a time, in order; where memory runs out, halve the chunk and go on.

    Args:
        shape: prompts and positions.
        measure: from the rows of some prompts, and the chunk that fits, to their result.

    Raises:
        CircuitScalingError: the memory is too small for one run of one prompt.
    """
    n_prompts, positions = shape
    start = 0
    while start < n_prompts:
        stop = min(n_prompts, start + chunk.prompts(n_prompts, positions))
        try:
            measured = measure(slice(start, stop), chunk)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        else:
            yield measured
            start = stop
            continue
        # Outside the handler, where the error no longer holds on to what did not fit.
        chunk = chunk.halved(positions)


def joined(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Results of some prompts each, the prompts on the last axis, as one array."""
    return np.concatenate(parts, axis=-1)
