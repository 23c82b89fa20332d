"""Sets of heads as boolean masks, ordered by the layer of their first head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.replay.pairs import Head


@dataclass(frozen=True)
class HeadSets:
    """Sets of heads in ascending order of the lowest layer that has one of their heads.

    Attributes:
        order: int [sets], the place of each in the order that they were given in.
        masks: bool [sets, n_layers, n_heads].
        first: int [sets], the lowest layer; that of an empty set is n_layers.
    """

    order: NDArray[np.int64]
    masks: Tensor
    first: NDArray[np.int64]

    @classmethod
    def of(cls, anatomy: Anatomy, sets: Sequence[Sequence[Head]]) -> HeadSets:
        """Put ``sets`` in order; sets of the same lowest layer stay as they are given."""
        lowest = [min((layer for layer, _ in heads), default=anatomy.n_layers) for heads in sets]
        first = np.array(lowest, dtype=np.int64)
        order = np.argsort(first, kind="stable")
        masks = torch.zeros(len(sets), anatomy.n_layers, anatomy.n_heads, dtype=torch.bool)
        for place, given in enumerate(order):
            for layer, head in sets[given]:
                masks[place, layer, head] = True
        return cls(order, masks, first[order])
