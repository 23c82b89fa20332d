"""Prompts that are measured together: as many at a time as fit the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.memory import is_out_of_memory
from circuit_scaling.interventions.replay.chunk import Chunk

Result = TypeVar("Result")


@dataclass(frozen=True)
class Portion:
    """Prompts that are scanned together, and how: beside model and device, all that bits depend on.

    Attributes:
        rows: which prompts of the batch.
        together: prompts at a time; the last portion of a batch may be fewer.
        tokens: the chunk.
        keeps_calls: whether clean calls stay in memory instead of being recomputed.
    """

    rows: slice
    together: int
    tokens: int
    keeps_calls: bool

    @classmethod
    def of(cls, anatomy: Anatomy, shape: tuple[int, ...], start: int, chunk: Chunk) -> Portion:
        """The prompts from ``start`` on that go together with a chunk.

        Args:
            shape: prompts of the batch, and positions.

        Raises:
            CircuitScalingError: the memory is too small for one head on one prompt.
        """
        n_prompts, positions = shape
        together = chunk.prompts(n_prompts, positions)
        stop = min(n_prompts, start + together)
        keeps_calls = chunk.keeps_calls(anatomy, stop - start, positions)
        return cls(slice(start, stop), together, chunk.tokens, keeps_calls)

    @classmethod
    def every(cls, anatomy: Anatomy, shape: tuple[int, ...], chunk: Chunk) -> Iterator[Portion]:
        """All portions of a batch, as long as memory does not run out."""
        start = 0
        while start < shape[0]:
            portion = cls.of(anatomy, shape, start, chunk)
            yield portion
            start = portion.rows.stop


def by_rows(
    shape: tuple[int, ...], chunk: Chunk, measure: Callable[[slice, Chunk], Result]
) -> Iterator[Result]:
    """Measure some prompts at a time, in order; where memory runs out, halve the chunk and go on.

    Args:
        shape: prompts and positions.
        measure: from the rows of some prompts, and the chunk that fits, to their result.

    Raises:
        CircuitScalingError: the memory is too small for one run of one prompt.
    """
    n_prompts, positions = shape

    def halve() -> None:
        nonlocal chunk
        chunk = chunk.halved(positions)

    def at_once() -> int:
        return chunk.prompts(n_prompts, positions)

    yield from _in_turn(n_prompts, at_once, lambda rows: measure(rows, chunk), halve)


def by_graphs(
    anatomy: Anatomy,
    shape: tuple[int, ...],
    chunk: Chunk,
    measure: Callable[[slice, Chunk], Result],
) -> Iterator[Result]:
    """As :func:`by_rows`, with as many prompts at a time as a backward pass can keep all of.

    Where memory runs out there are fewer of them, and at one prompt the chunk is halved.
    """
    n_prompts, positions = shape
    together = chunk.prompts_of_graph(anatomy, n_prompts, positions)

    def halve() -> None:
        nonlocal chunk, together
        if together == 1:
            chunk = chunk.halved(positions)
        together = max(1, together // 2)

    yield from _in_turn(n_prompts, lambda: together, lambda rows: measure(rows, chunk), halve)


def made_to_fit(positions: int, chunk: Chunk, make: Callable[[Chunk], Result]) -> Result:
    """What ``make`` makes of all prompts with the chunk, or with the first half of it that fits.

    Raises:
        CircuitScalingError: the memory is too small for one run of one prompt.
    """

    def halve() -> None:
        nonlocal chunk
        chunk = chunk.halved(positions)

    (made,) = _in_turn(1, lambda: 1, lambda _: make(chunk), halve)
    return made


def _in_turn(
    n_prompts: int,
    at_once: Callable[[], int],
    measure: Callable[[slice], Result],
    halve: Callable[[], None],
) -> Iterator[Result]:
    """Measure some rows after the others; where memory runs out, ``halve`` and try them again."""
    start = 0
    while start < n_prompts:
        stop = min(n_prompts, start + at_once())
        try:
            measured = measure(slice(start, stop))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        else:
            yield measured
            start = stop
            continue
        # Outside the handler, where the error no longer holds on to what did not fit.
        halve()


def joined(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Results of some prompts each, [..., prompts], as one array with all of the prompts."""
    return np.concatenate(parts, axis=-1)
