"""Heads in flight: ablated runs stacked on the batch axis, on their way up the model together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from circuit_scaling.interventions.anatomy import Anatomy
from circuit_scaling.interventions.blocks import BlockCall, change_heads, run_block
from circuit_scaling.interventions.clean import CleanRun


@dataclass(frozen=True)
class Passengers:
    """Consecutive heads of one layer under one ablation.

    Attributes:
        ablation: which of the scan's ablations.
        layer, heads: which heads.
    """

    ablation: int
    layer: int
    heads: slice

    @property
    def size(self) -> int:
        """How many heads."""
        return int(self.heads.stop) - int(self.heads.start)


Deliver = Callable[[list[Passengers], Tensor], None]
"""Takes who arrives, and their residual after the last block, [heads * prompts, pos or 1, d]."""


class Stack:
    """Ablated runs that wait for company, so that small models are replayed many heads at a time.

    A head joins when the clean run has reached its layer. Whoever waits is taken through a layer
    together with the clean run; a full stack is taken through all remaining layers at once.
    """

    def __init__(
        self, clean: CleanRun, capacity: int, deliver: Deliver, last_only: bool, at_end: bool
    ) -> None:
        """An empty stack.

        Args:
            capacity: heads that go together.
            last_only: of the last block only the last position is wanted.
            at_end: changes and replays are on the last position alone.
        """
        self._clean = clean
        self._capacity = max(1, capacity)
        self._deliver = deliver
        self._last_only = last_only
        self._at_end = at_end
        self._passengers: list[Passengers] = []
        self._residuals: list[Tensor] = []

    @property
    def _anatomy(self) -> Anatomy:
        return self._clean.anatomy

    def ascend(self, layer: int) -> None:
        """Take who waits below ``layer`` through it."""
        if self._passengers:
            self._residuals = [self._through(layer, self._joined())]

    def board(self, ablation: int, call: BlockCall, change: Tensor) -> None:
        """Ablate every head of a layer, each alone, and take on as many as there is room for.

        Args:
            call: the clean call of the layer, on the positions of this stack.
            change: z' - z, [prompts, pos, n_heads, d_head].
        """
        layer, n_heads = call.arguments.layer, self._anatomy.n_heads
        start = 0
        while start < n_heads:
            room = self._capacity - sum(p.size for p in self._passengers)
            heads = slice(start, min(n_heads, start + room))
            residual = change_heads(self._anatomy, call, change, heads)
            if self._last_only and layer == self._anatomy.n_layers - 1:
                residual = residual[:, -1:]
            self._passengers.append(Passengers(ablation, layer, heads))
            self._residuals.append(residual)
            start = heads.stop
            if room == heads.stop - heads.start:
                self.depart(layer + 1)

    def depart(self, layer: int) -> None:
        """Take everybody through the blocks from ``layer`` on, and deliver them."""
        if not self._passengers:
            return
        residual = self._joined()
        self._residuals = []
        for later in range(layer, self._anatomy.n_layers):
            residual = self._through(later, residual)
        passengers, self._passengers = self._passengers, []
        self._deliver(passengers, residual)

    def _through(self, layer: int, residual: Tensor) -> Tensor:
        if self._at_end:
            return run_block(self._anatomy, self._clean.end[layer], residual)
        if self._last_only and layer == self._anatomy.n_layers - 1:
            return self._clean.run_last_block(residual)
        return run_block(self._anatomy, self._clean.arguments[layer], residual)

    def _joined(self) -> Tensor:
        return self._residuals[0] if len(self._residuals) == 1 else torch.cat(self._residuals)
