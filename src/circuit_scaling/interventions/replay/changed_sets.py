"""Runs in which several heads are changed together: many sets, each from its lowest layer on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import torch
from torch import Tensor

from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.forcing import GivenHeads
from circuit_scaling.interventions.replay.head_sets import HeadSets
from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.interventions.replay.readouts import Questions, Readout, read
from circuit_scaling.interventions.replay.roads import Road
from circuit_scaling.interventions.replay.stack import Passengers, Stack, shares


def changed_sets(
    road: Road,
    z: Sequence[Tensor],
    sets: Sequence[Sequence[Head]],
    questions: Questions,
    readouts: Sequence[Readout],
    chunk: Chunk,
    end_only: bool = False,
) -> Tensor:
    """Readouts of runs in which the heads of each set give ``z``, [readouts, sets, prompts].

    Args:
        road: the run that is changed, and at which positions.
        z: of each layer, [prompts, pos, n_heads, d_head]; on a road of shared prefixes the same
            wherever a prefix is.
        end_only: whether only the last position is changed.
    """
    clean, anatomy = road.clean, road.clean.anatomy
    # Sets whose first change is in the same layer board together; an empty set never does.
    ordered = HeadSets.of(anatomy, sets)
    masks = ordered.masks
    bounds = np.searchsorted(ordered.first, np.arange(anatomy.n_layers + 1))
    on_device = masks.to(anatomy.device)
    values = torch.zeros(len(readouts), len(sets), len(clean.tokens), device=anatomy.device)

    def deliver(passengers: list[Passengers], residual: Tensor) -> None:
        found = read(anatomy, residual, questions, readouts)
        for riding, theirs in shares(passengers):
            for place, name in enumerate(readouts):
                values[place, riding.members] = found[name][theirs]

    def forcing(layer: int, runs: Sequence[tuple[Hashable, slice]]) -> GivenHeads | None:
        if not any(masks[members, layer].any() for _, members in runs):
            return None
        mask = torch.cat([on_device[members, layer] for _, members in runs])
        return GivenHeads(mask, z[layer], end_only)

    stack = Stack(road, road.capacity(chunk), deliver, forcing)
    for layer, call in enumerate(clean.calls()):
        stack.ascend(layer)
        members = slice(int(bounds[layer]), int(bounds[layer + 1]))
        if members.start == members.stop:
            continue
        change = z[layer] - call.z
        if end_only:
            change[:, :-1] = 0
        there = road.call(call), road.change(layer, change)
        stack.board_sets(None, members, *there, on_device[:, layer])
    stack.depart(anatomy.n_layers)
    untouched = slice(int(bounds[-1]), len(sets))
    if untouched.start < untouched.stop:
        final = clean.run_last_block(clean.last) if road.last_only else clean.final
        deliver([Passengers(None, slice(untouched.start, untouched.start + 1))], final)
        values[:, untouched] = values[:, untouched.start, None]
    inverse = torch.from_numpy(np.argsort(ordered.order)).to(anatomy.device)
    return values[:, inverse]
