"""Path patching: what a head sends to every later head's query, key and value, and to the logits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.interventions.anatomy import Anatomy
from circuit_scaling.interventions.chunk import Chunk
from circuit_scaling.interventions.pairs import Head, Pairs

Channel = Literal["q", "k", "v"]


@dataclass(frozen=True)
class Receiver:
    """One input of a later head."""

    layer: int
    head: int
    channel: Channel


@dataclass(frozen=True)
class PathEffects:
    """What goes from one head along each path, in the clean run (noising).

    Attributes:
        sender: the head whose z comes from the corrupt run.
        receivers: those that were measured.
        effects: float32 [receivers, pairs]: m of the clean run with the receiver's q, k or v as the
            path makes it, minus m of the clean run.
        logits: float32 [pairs]: the same for the path to the logits.
        total: float32 [pairs]: the sender patched and everything after it recomputed.
    """

    sender: Head
    receivers: tuple[Receiver, ...]
    effects: NDArray[np.float32]
    logits: NDArray[np.float32]
    total: NDArray[np.float32]


def path_effects(
    anatomy: Anatomy,
    pairs: Pairs,
    senders: Sequence[Head],
    max_receivers: int | None = None,
    chunk: Chunk | None = None,
) -> Iterator[PathEffects]:
    """Path patching from each sender to all later heads and to the logits (Wang et al. 2022).

    Between sender and receiver all other heads are frozen at their clean z, and MLPs and the
    receiver's norm are recomputed. The receiver's new q, k or v goes into the clean run, and
    everything after it is recomputed.

    Args:
        max_receivers: measure only as many per sender, the strongest by attribution (the gradient of
            m with respect to the receiver's z, times its change); all by default.

    Raises:
        CircuitScalingError: a head is outside the model's shape; the pairs do not fit the model; the
            model does not hand keys and values to a key-value cache.
    """
    raise NotImplementedError
