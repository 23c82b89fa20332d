"""Heads whose output is given while a block runs, in each of several stacked runs its own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from circuit_scaling.interventions.model.anatomy import Anatomy


@dataclass(frozen=True)
class GivenHeads:
    """What some heads of one layer give.

    Attributes:
        mask: bool [runs, n_heads], which heads.
        z: [prompts, pos, n_heads, d_head], the same for all runs; 1 prompt and 1 position where it
            is the same for all of them.
        end_only: whether only the last position is given.
    """

    mask: Tensor
    z: Tensor
    end_only: bool


Forcing = Callable[[int, Sequence[tuple[Hashable, slice]]], GivenHeads | None]
"""From a layer, and who is stacked (group and members), to what their heads give there."""


@contextmanager
def forced(anatomy: Anatomy, layer: int, given: GivenHeads | None) -> Iterator[None]:
    """While a block runs, replace z of the given heads before the output projection."""
    if given is None:
        yield
        return

    def replace(_module: nn.Module, args: Any) -> Any:
        positions = args[0].shape[1]
        z = args[0].unflatten(-1, (anatomy.n_heads, anatomy.d_head))
        z = z.unflatten(0, (len(given.mask), -1))  # [runs, prompts, pos, n_heads, d_head]
        # The last block may run on the last position alone.
        new = given.z[:, -positions:]
        mask = given.mask[:, None, None, :, None]
        if given.end_only:
            ends = torch.arange(positions, device=z.device) == positions - 1
            mask = mask & ends[:, None, None]
        return (torch.where(mask, new, z).reshape(args[0].shape), *args[1:])

    handle = anatomy.projections[layer].register_forward_pre_hook(replace)
    try:
        yield
    finally:
        handle.remove()
