"""Ablate every attention head of a model, each alone, exactly."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.interventions.model.activations import fused_activations
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.memory import is_out_of_memory
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.clean import CleanRun
from circuit_scaling.interventions.replay.portions import Portion, by_rows, joined
from circuit_scaling.interventions.replay.readouts import Readout, questions_of, read
from circuit_scaling.interventions.replay.replacements import (
    GroupMeans,
    Replacements,
    tokens_on,
)
from circuit_scaling.interventions.replay.request_checks import check_request
from circuit_scaling.interventions.replay.roads import Road, prefixes_of, road_of
from circuit_scaling.interventions.replay.stack import Passengers, Stack, index_of, shares


@dataclass(frozen=True)
class LayerEffects:
    """Effects of all heads of one layer on some prompts under one ablation.

    Attributes:
        layer: from 0.
        ablation: what replaced z.
        portion: which prompts of the batch, and how they were scanned.
        effects: readout -> float32 [heads, prompts], m(ablated) - m(clean); negative: the head
            helps. NaN for heads that were not asked for.
    """

    layer: int
    ablation: Ablation
    portion: Portion
    effects: dict[Readout, NDArray[np.float32]] = field(repr=False)

    @property
    def rows(self) -> slice:
        """Which prompts of the batch."""
        return self.portion.rows


Known = Callable[[Portion, int], int]
"""Of which layer on the effects on a portion are not known; they are from the given layer up to
there. Below the given layer they were handed out before."""


def nothing_known(_portion: Portion, layer: int) -> int:
    """No layer was scanned before."""
    return layer


@torch.no_grad()
def clean_readouts(
    anatomy: Anatomy, batch: Batch, readouts: Sequence[Readout], chunk: Chunk | None = None
) -> dict[Readout, NDArray[np.float32]]:
    """The readouts of the clean run, float32 [prompts] each; ``kl_to_clean`` is 0.

    Raises:
        CircuitScalingError: the batch does not fit together or does not fit the model; the memory
            is too small for one prompt.
    """
    check_request(anatomy, batch, readouts)

    def clean(rows: slice, _: Chunk) -> dict[Readout, Tensor]:
        final = CleanRun.of(anatomy, tokens_on(anatomy, batch.tokens[rows])).final
        questions = questions_of(anatomy, batch, rows, readouts, final)
        return read(anatomy, final, questions, readouts)

    parts = list(by_rows(batch.tokens.shape, chunk or Chunk.of(anatomy), clean))
    return {name: joined([part[name][0].cpu().numpy() for part in parts]) for name in readouts}


def scan_layers(
    anatomy: Anatomy,
    batch: Batch,
    ablations: Ablation | Sequence[Ablation],
    readouts: Sequence[Readout] = ("contrast", "answer_logprob"),
    chunk: Chunk | None = None,
    known: Known = nothing_known,
    heads: NDArray[np.bool_] | None = None,
) -> Iterator[LayerEffects]:
    """Effects of ablating each head alone, layer by layer.

    Replacing head h of layer l changes that layer's attention output by (z' - z) W_O[h] and
    nothing before it, so that only the rest of block l and the blocks after it are replayed, with
    several heads stacked on the batch axis. Of the last block, and where ``positions`` is ``end``
    of all blocks, only the last position is computed, unless ``token_loss`` needs the others.

    Args:
        ablations: one or several; they share the clean runs of prompts and donors.
        chunk: how much is replayed together; by default what was measured to be fast here.
        known: asked before a portion is scanned. Layers that are known are not handed out, and the
            others have the bits that they have where none is known.
        heads: which are ablated, [layers, heads]; by default all.

    Yields:
        For some prompts at a time (all of them, where they fit), every layer in order, and for
        every layer each ablation.

    Raises:
        CircuitScalingError: the batch does not fit together or does not fit the model; an ablation
            needs references and the batch has none; a prompt has no possible donor; the memory is
            too small for one head on one prompt.
    """
    ablations = (ablations,) if isinstance(ablations, Ablation) else tuple(ablations)
    check_request(anatomy, batch, readouts)
    chunk = chunk or Chunk.of(anatomy)
    shape = (anatomy.n_layers, anatomy.n_heads)
    asked = np.ones(shape, dtype=np.bool_) if heads is None else heads
    if asked.shape != shape:
        raise ValueError(f"heads must be [layers, heads] = {shape}, got shape {asked.shape}")
    with fused_activations(anatomy.model):
        yield from _one_behind(_scan(anatomy, batch, ablations, readouts, chunk, known, asked))


@dataclass(frozen=True)
class _Arrival:
    """Effects of a layer on their way from the device."""

    effects: LayerEffects
    copied: torch.cuda.Event | None


def _one_behind(arrivals: Iterable[_Arrival]) -> Iterator[LayerEffects]:
    """Hand out each layer when the next is under way, so that no device waits for a transfer."""
    waiting: deque[_Arrival] = deque()
    for arrival in arrivals:
        waiting.append(arrival)
        while waiting and (len(waiting) > 1 or waiting[0].copied is None):
            yield _landed(waiting.popleft())
    for arrival in waiting:
        yield _landed(arrival)


def _landed(arrival: _Arrival) -> LayerEffects:
    if arrival.copied is not None:
        arrival.copied.synchronize()
    return arrival.effects


def _scan(
    anatomy: Anatomy,
    batch: Batch,
    ablations: tuple[Ablation, ...],
    readouts: Sequence[Readout],
    chunk: Chunk,
    known: Known,
    heads: NDArray[np.bool_],
) -> Iterator[_Arrival]:
    """Scan as many prompts at a time as fit; where memory runs out, halve the chunk and go on.

    Layers that were delivered are not scanned again for the same prompts. If fewer prompts go
    together from then on, the others of the interrupted ones begin with the first layer again.
    """
    n_prompts, positions = batch.tokens.shape
    means = None
    start = delivered = 0
    while start < n_prompts:
        portion = Portion.of(anatomy, batch.tokens.shape, start, chunk)
        delivered = known(portion, delivered)
        if delivered == anatomy.n_layers:
            start, delivered = portion.rows.stop, 0
            continue
        try:
            if means is None and any(ablation.mode == "mean" for ablation in ablations):
                means = GroupMeans.of(anatomy, batch, portion.together)
            given = Replacements(anatomy, batch, portion.rows, ablations, means)
            scan = _RowsScan(anatomy, batch, given, readouts, chunk, portion, heads)
            for arrival in scan.layers(delivered):
                yield arrival
                delivered = arrival.effects.layer + (arrival.effects.ablation is ablations[-1])
            start, delivered = portion.rows.stop, 0
            continue
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler, where the error no longer holds on to what did not fit.
        chunk = chunk.halved(positions)


class _Ablated(NamedTuple):
    """Heads of one layer under one ablation of the scan."""

    ablation: int
    layer: int


class _RowsScan:
    """The scan of some prompts of a batch."""

    def __init__(
        self,
        anatomy: Anatomy,
        batch: Batch,
        given: Replacements,
        readouts: Sequence[Readout],
        chunk: Chunk,
        portion: Portion,
        heads: NDArray[np.bool_],
    ) -> None:
        self._anatomy = anatomy
        self._heads = [_places(of_layer) for of_layer in heads]
        self._given = given
        self._portion = portion
        self._readouts = readouts
        tokens = tokens_on(anatomy, batch.tokens[given.rows])
        # The loss reads every position; all else only the last.
        self._last_only = "token_loss" not in readouts
        with torch.no_grad():
            self._clean = CleanRun.of(
                anatomy, tokens, at_end=self._last_only, keep=portion.keeps_calls
            )
            # By the road of the ablated runs: what rounds there, rounds here.
            final = self._clean.final
            if self._last_only:
                final = self._clean.run_last_block(self._clean.last)
            self._questions = questions_of(anatomy, batch, given.rows, readouts, final)
            self._baseline = read(anatomy, final, self._questions, readouts)
        self._chunk = chunk
        prefixes = prefixes_of(anatomy, batch, given.rows, given.ablations)
        self._roads = [
            road_of(ablation, self._clean, prefixes, self._last_only)
            for ablation in given.ablations
        ]
        shape = (len(given.ablations), anatomy.n_layers, anatomy.n_heads, len(tokens))
        self._totals = {name: torch.zeros(shape, device=anatomy.device) for name in readouts}
        for totals in self._totals.values():
            totals[:, torch.from_numpy(~heads)] = torch.nan
        self._arrived = [0] * anatomy.n_layers

    def layers(self, skip: int) -> Iterator[_Arrival]:
        """Every layer from ``skip`` on, as soon as all of its heads have arrived."""
        # Runs of all ablations on one road wait for one another.
        stacks = {
            type(road): Stack(
                *(road, road.capacity(self._chunk), self._deliver),
                known=self._boarding(skip, type(road)),
            )
            for road in self._roads
        }
        for layer, call in enumerate(self._clean.calls()):
            with torch.no_grad():
                for stack in stacks.values():
                    stack.ascend(layer)
                calls = {kind: stack.road.call(call) for kind, stack in stacks.items()}
                for index, z_new in self._given.next_layer(layer, call.z):
                    change = z_new - call.z
                    if self._given.ablations[index].positions == "end":
                        change[:, :-1] = 0
                    road = self._roads[index]
                    stacks[type(road)].board_heads(
                        *(_Ablated(index, layer), calls[type(road)], road.change(layer, change)),
                        self._heads[layer],
                    )
                if layer == self._anatomy.n_layers - 1:
                    for stack in stacks.values():
                        stack.depart(layer + 1)
            while skip <= layer and self._arrived[skip] == self._runs(skip, self._given.ablations):
                yield from self._layer(skip)
                skip += 1

    def _boarding(self, layers: int, kind: type[Road]) -> int:
        """Runs of the first layers that take a road."""
        there = [
            ablation
            for ablation, road in zip(self._given.ablations, self._roads, strict=True)
            if type(road) is kind
        ]
        return sum(self._runs(layer, there) for layer in range(layers))

    def _runs(self, layer: int, ablations: Iterable[Ablation]) -> int:
        """How often the model is run for the heads of a layer."""
        return len(self._heads[layer]) * sum(ablation.runs for ablation in ablations)

    def _deliver(self, passengers: list[Passengers], residual: Tensor) -> None:
        """Read the runs that have reached the end of the model."""
        values = read(self._anatomy, residual, self._questions, self._readouts)
        for riding, theirs in shares(passengers):
            ablation, layer = cast(_Ablated, riding.group)
            for name in self._readouts:
                heads = index_of(self._heads[layer][riding.members])
                self._totals[name][ablation, layer, heads] += values[name][theirs]
            self._arrived[layer] += riding.size

    def _layer(self, layer: int) -> Iterator[_Arrival]:
        """The effects of a layer, under way from the device."""
        for index, ablation in enumerate(self._given.ablations):
            effects = {
                name: _to_host(
                    self._totals[name][index, layer] / ablation.runs - self._baseline[name]
                )
                for name in self._readouts
            }
            copied = None
            if self._anatomy.device.type == "cuda":
                copied = torch.cuda.Event()
                copied.record(torch.cuda.current_stream(self._anatomy.device))
            yield _Arrival(LayerEffects(layer, ablation, self._portion, effects), copied)


def _places(asked: NDArray[np.bool_]) -> Sequence[int]:
    """Which heads of a layer are asked for; all of them as a range, which is taken as a slice."""
    return range(len(asked)) if asked.all() else np.flatnonzero(asked).tolist()


def _to_host(values: Tensor) -> NDArray[np.float32]:
    """Values as an array; on a GPU the copy is only begun, into pinned memory."""
    if values.device.type != "cuda":
        return values.numpy()
    pinned = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    return pinned.copy_(values, non_blocking=True).numpy()
