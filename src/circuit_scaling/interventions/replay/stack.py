"""Changed runs in flight, stacked on the batch axis, on their way up the model together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.blocks import BlockCall, change_heads, change_sets
from circuit_scaling.interventions.replay.forcing import Forcing, forced
from circuit_scaling.interventions.replay.roads import Road


@dataclass(frozen=True)
class Passengers:
    """Consecutive runs of one group.

    Attributes:
        group: the name of the group, for whoever they are delivered to.
        members: which of the group.
    """

    group: Hashable
    members: slice

    @property
    def size(self) -> int:
        """How many runs."""
        return int(self.members.stop) - int(self.members.start)


def shares(passengers: list[Passengers]) -> Iterator[tuple[Passengers, slice]]:
    """Who has arrived together, and which of the runs that are read are theirs."""
    start = 0
    for riding in passengers:
        yield riding, slice(start, start + riding.size)
        start += riding.size


def index_of(places: Sequence[int]) -> slice | list[int]:
    """Some places of an axis; a range is taken as a slice, without a copy."""
    if isinstance(places, range):
        return slice(places.start, places.stop)
    return list(places)


Deliver = Callable[[list[Passengers], Tensor], None]
"""Takes who arrives, and their residual after the last block, [runs * prompts, pos or 1, d]."""


class Stack:
    """Changed runs that wait for company, so that small models are replayed many runs at a time.

    A run joins when the clean run has reached the layer of its first change. Whoever waits is taken
    through a layer together with the clean run; a full stack is taken through all remaining layers
    at once.
    """

    def __init__(
        self,
        road: Road,
        capacity: int,
        deliver: Deliver,
        forcing: Forcing | None = None,
        known: int = 0,
    ) -> None:
        """An empty stack.

        Args:
            road: the positions at which its runs are changed and replayed.
            capacity: runs that go together.
            forcing: what further heads of each run give, in the layers after its first change.
            known: runs that board first and whose results nobody needs. Those that would fill
                whole stacks stay behind; the rest travel, so that whoever shares their stack has
                the company that it would have had, and the same bits.
        """
        self.road = road
        self._capacity = max(1, capacity)
        self._deliver = deliver
        self._forcing = forcing
        self._staying = known - known % self._capacity
        self._passengers: list[Passengers] = []
        self._residuals: list[Tensor] = []

    @property
    def _anatomy(self) -> Anatomy:
        return self.road.clean.anatomy

    def ascend(self, layer: int) -> None:
        """Take who waits below ``layer`` through it."""
        if self._passengers:
            self._residuals = [self._through(layer, self._joined())]

    def board_heads(
        self, group: Hashable, call: BlockCall, change: Tensor, heads: Sequence[int]
    ) -> None:
        """Take on a run for each of some heads of a layer, changed alone.

        Args:
            group: its members are the places in ``heads``.
            call: the clean call of the layer, on the positions of the road.
            change: z' - z there, [prompts, pos, n_heads, d_head].
        """

        def changed(members: slice) -> Tensor:
            return change_heads(self._anatomy, call, change, index_of(heads[members]))

        self._board(group, slice(0, len(heads)), call.arguments.layer, changed)

    def board_sets(
        self, group: Hashable, members: slice, call: BlockCall, change: Tensor, masks: Tensor
    ) -> None:
        """Take on runs in which several heads of a layer are changed together.

        Args:
            members: which of the group.
            call, change: as for :meth:`board_heads`.
            masks: the heads of every member of the group, bool [members, n_heads].
        """

        def changed(some: slice) -> Tensor:
            return change_sets(self._anatomy, call, change, masks[some])

        self._board(group, members, call.arguments.layer, changed)

    def _board(
        self, group: Hashable, members: slice, layer: int, changed: Callable[[slice], Tensor]
    ) -> None:
        """Take on runs that are changed in ``layer`` first, as many at a time as there is room for.

        Args:
            changed: the residuals of some members after the layer, [runs * prompts, pos, d_model].
        """
        staying = min(self._staying, members.stop - members.start)
        self._staying -= staying
        start = members.start + staying
        while start < members.stop:
            room = self._capacity - sum(p.size for p in self._passengers)
            some = slice(start, min(members.stop, start + room))
            residual = changed(some)
            if layer == self._anatomy.n_layers - 1:
                residual = self.road.arrived(residual)
            self._passengers.append(Passengers(group, some))
            self._residuals.append(residual)
            start = some.stop
            if room == some.stop - some.start:
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
        if self._forcing is None:
            return self.road.run(layer, residual)
        runs = [(riding.group, riding.members) for riding in self._passengers]
        with forced(self._anatomy, layer, self._forcing(layer, runs)):
            return self.road.run(layer, residual)

    def _joined(self) -> Tensor:
        return self._residuals[0] if len(self._residuals) == 1 else torch.cat(self._residuals)
