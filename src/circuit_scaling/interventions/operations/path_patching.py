"""Path patching: what a head sends to later heads' queries, keys and values, and to the logits.

Patching a head says how much it carries; this says by which way. The sender's z is taken from the
corrupt run, and only what lies between sender and receiver is allowed to answer to it: norms and
MLPs are computed again, and all other heads stay at their clean z. What arrives at a later head as
a changed query, key or value (a channel, ``q``, ``k`` or ``v``) gives that head a new z; this z
goes into the clean run, and everything after it is computed again. The effect of the path is the m
of that run minus m(clean). The path to the logits is the same with the unembedding as receiver.

Senders travel up the model together. Their residuals are [senders * pairs, pos, d_model], one
sender after the other, and the change that each makes to the z of every head of a layer is
[senders, pairs, pos, n_heads, d_head] for each channel. Prompts are pairs here, clean and corrupt
of one length; symbols are those of ``interventions``. ``docs/method.md``, *Causal tracing*, says
how effects become shares and verdicts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.activations import fused_activations
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.blocks import (
    BlockCall,
    change_heads,
    keys_and_values_of,
    run_block_with_attention,
    z_of,
)
from circuit_scaling.interventions.model.keys_and_values import KeysAndValuesKnown, copies_of
from circuit_scaling.interventions.operations.attribute import contrast_gradients
from circuit_scaling.interventions.operations.patch import SOURCE_RUN, PairedRuns
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import Head, Pairs, head_names
from circuit_scaling.interventions.replay.portions import by_graphs, by_rows, joined
from circuit_scaling.interventions.replay.readouts import read
from circuit_scaling.interventions.replay.request_checks import check_heads, check_pairs
from circuit_scaling.interventions.replay.roads import Everywhere
from circuit_scaling.interventions.replay.stack import Passengers, Stack

Channel = Literal["q", "k", "v"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)


@dataclass(frozen=True)
class Receiver:
    """One input of a later head."""

    layer: int
    head: int
    channel: Channel

    def __str__(self) -> str:
        return f"{head_names([(self.layer, self.head)])[0]} {self.channel}"


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
    receivers: Mapping[Head, Sequence[Receiver]] | None = None,
    chunk: Chunk | None = None,
) -> list[PathEffects]:
    """Path patching from each sender to later heads and to the logits.

    Between sender and receiver all other heads are frozen at their clean z, and MLPs and the
    receiver's norm are recomputed. The receiver's new q, k or v goes into the clean run, and
    everything after it is recomputed.

    Source: path patching, Wang et al. 2022, arXiv 2211.00593, appendix B.

    Args:
        receivers: of each sender; by default q, k and v of every later head. On large models take
            the strongest by :func:`path_estimates`.

    Raises:
        CircuitScalingError: a head is outside the model's shape; a receiver is not above its
            sender; the pairs do not fit the model; the model does not hand keys and values to a
            key-value cache.
    """
    check_heads(anatomy, senders)
    check_pairs(anatomy, pairs)
    if receivers is None:
        receivers = {sender: later_receivers(anatomy, sender) for sender in senders}
    for sender in senders:
        _check_receivers(anatomy, sender, receivers[sender])
    wanted = [tuple(receivers[sender]) for sender in senders]

    def measure(rows: slice, fitting: Chunk) -> list[tuple[Tensor, Tensor, Tensor]]:
        runs = _paired(anatomy, pairs, rows)
        together = _together(fitting, runs)
        groups = [slice(start, start + together) for start in range(0, len(senders), together)]
        return [
            found
            for some in groups
            for found in _Paths(runs, senders[some], wanted[some], together).measured()
        ]

    with torch.no_grad(), fused_activations(anatomy.model):
        holding = (chunk or Chunk.of(anatomy)).holding(SOURCE_RUN)
        parts = list(by_rows(pairs.clean.shape, holding, measure))
    return [
        PathEffects(
            sender,
            named,
            *(torch.cat(parts, dim=-1).numpy() for parts in zip(*measured, strict=True)),
        )
        for sender, named, *measured in zip(senders, wanted, *parts, strict=True)
    ]


def path_estimates(
    anatomy: Anatomy, pairs: Pairs, senders: Sequence[Head], chunk: Chunk | None = None
) -> NDArray[np.float32]:
    """What a straight line through the clean run predicts for every path effect.

    The change of the receiver's z is exact, its effect is the gradient of the contrast times that
    change: one backward pass instead of a run for each receiver.

    Returns:
        float32 [senders, layers, heads, channels (q, k, v), pairs]; NaN up to the sender's layer.

    Raises:
        CircuitScalingError: as :func:`path_effects`.
    """
    check_heads(anatomy, senders)
    check_pairs(anatomy, pairs)

    def estimate(rows: slice, fitting: Chunk) -> NDArray[np.float32]:
        with torch.no_grad(), fused_activations(anatomy.model):
            runs = _paired(anatomy, pairs, rows)
        n_pairs = len(runs.base.tokens)
        shape = (len(senders), anatomy.n_layers, anatomy.n_heads, len(CHANNELS), n_pairs)
        estimates = np.full(shape, np.nan, dtype=np.float32)
        _, gradients = contrast_gradients(
            anatomy, runs.base.tokens, pairs.answers[rows], pairs.distractors[rows]
        )
        together = _together(fitting, runs)
        with torch.no_grad(), fused_activations(anatomy.model):
            for first in range(0, len(senders), together):
                for layer in _Travel(runs, senders[first : first + together]).layers():
                    number = layer.call.arguments.layer
                    for channel, change in enumerate(layer.changes.values()):
                        gradient = gradients[number].float()
                        linear = torch.einsum("sbphd,bphd->shb", change.float(), gradient)
                        places = [first + sender for sender in layer.senders]
                        estimates[places, number, :, channel] = linear.cpu().numpy()
        return estimates

    chunk = chunk or Chunk.of(anatomy)
    return joined(list(by_graphs(anatomy, pairs.clean.shape, chunk, estimate)))


def later_receivers(anatomy: Anatomy, sender: Head) -> list[Receiver]:
    """Query, key and value of every head above ``sender``."""
    return [
        Receiver(layer, head, channel)
        for layer in range(sender[0] + 1, anatomy.n_layers)
        for head in range(anatomy.n_heads)
        for channel in CHANNELS
    ]


@dataclass(frozen=True)
class _Layer:
    """One layer of the clean run, and what the senders below it have changed in it.

    Attributes:
        call: the clean call.
        senders: the places of those below.
        changes: by channel, of each of them, of z of every head, if the head alone took its query,
            key or value from there: [senders, prompts, pos, n_heads, d_head].
        here: the places of the senders of this layer, and their heads.
        written: what replacing z by the source's changes, [prompts, pos, n_heads, d_head].
    """

    call: BlockCall
    senders: list[int]
    changes: dict[Channel, Tensor]
    here: list[tuple[int, int]]
    written: Tensor


class _Travel:
    """What senders write, on its way up through norms and MLPs past frozen heads."""

    def __init__(self, runs: PairedRuns, senders: Sequence[Head]) -> None:
        self._runs = runs
        self._anatomy = runs.base.anatomy
        self._heads = senders
        self.senders: list[int] = []  # under way
        self.residual = runs.base.first[:0]  # of each of them, [senders * prompts, pos, d_model]

    def layers(self) -> Iterator[_Layer]:
        """Every layer from the lowest up."""
        for call, source in zip(self._runs.base.calls(), self._runs.source.calls(), strict=True):
            layer, written = call.arguments.layer, source.z - call.z
            here = [(place, head) for place, (at, head) in enumerate(self._heads) if at == layer]
            changes = self._changes(call) if self.senders else {}
            yield _Layer(call, list(self.senders), changes, here, written)
            if self.senders:
                frozen = copies_of(call.attention[0], len(self.senders))
                self.residual = run_block_with_attention(self._anatomy, call, frozen, self.residual)
            if here:
                joining = change_heads(self._anatomy, call, written, [head for _, head in here])
                self.residual = torch.cat([self.residual, joining])
                self.senders += [place for place, _ in here]

    def _changes(self, call: BlockCall) -> dict[Channel, Tensor]:
        arguments, copies = call.arguments, len(self.senders)
        clean = copies_of(call.input, copies)
        keys, values = (
            copies_of(tensor, copies)
            for tensor in keys_and_values_of(self._anatomy, arguments, call.input)
        )
        new_keys, new_values = keys_and_values_of(self._anatomy, arguments, self.residual)

        def change(given: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            known = arguments.with_cache(KeysAndValuesKnown(keys, values))
            z: Tensor = z_of(self._anatomy, known, given).unflatten(0, (copies, -1))
            return z - call.z

        return {
            "q": change(self.residual, keys, values),
            "k": change(clean, new_keys, values),
            "v": change(clean, keys, new_values),
        }


class _Paths:
    """Path patching of some senders on some pairs: one row of results for each replayed run."""

    def __init__(
        self,
        runs: PairedRuns,
        senders: Sequence[Head],
        receivers: Sequence[Sequence[Receiver]],
        capacity: int,
    ) -> None:
        self._runs = runs
        self._senders = senders
        # Each sender has a row for its total, and then one for each receiver.
        sizes = [1 + len(named) for named in receivers]
        self._first = np.cumsum([0, *sizes])
        self._contrasts = torch.zeros(int(self._first[-1]), len(runs.base.tokens))
        self._boards: dict[tuple[int, int, Channel], list[tuple[int, int]]] = defaultdict(list)
        for sender, named in enumerate(receivers):
            for row, receiver in enumerate(named, start=int(self._first[sender]) + 1):
                board = sender, receiver.layer, receiver.channel
                self._boards[board].append((row, receiver.head))
        self._road = Everywhere(runs.base, last_only=True)
        self._stack = Stack(self._road, capacity, self._deliver)

    def measured(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Of each sender: effects [receivers, pairs], path to the logits and total [pairs]."""
        base = self._runs.base
        travel = _Travel(self._runs, self._senders)
        for layer in travel.layers():
            number = layer.call.arguments.layer
            self._stack.ascend(number)
            totals = [(int(self._first[sender]), head) for sender, head in layer.here]
            self._replay(layer.call, layer.written, totals)
            for channel, changes in layer.changes.items():
                for sender, change in zip(layer.senders, changes, strict=True):
                    self._replay(layer.call, change, self._boards[sender, number, channel])
        self._stack.depart(base.anatomy.n_layers)
        clean = self._runs.contrast(base).cpu()
        found = read(base.anatomy, travel.residual, self._runs.questions, ("contrast",))
        logits = found["contrast"].cpu()[np.argsort(travel.senders)] - clean
        rows = (self._contrasts - clean).split(np.diff(self._first).tolist())
        return [(own[1:], to_logits, own[0]) for own, to_logits in zip(rows, logits, strict=True)]

    def _replay(self, call: BlockCall, change: Tensor, wanted: list[tuple[int, int]]) -> None:
        """Change each of some heads of a layer alone; ``wanted`` has their rows, and the heads."""
        if wanted:
            rows, heads = zip(*wanted, strict=True)
            there = self._road.call(call), self._road.change(call.arguments.layer, change)
            self._stack.board_heads(rows, *there, heads)

    def _deliver(self, passengers: list[Passengers], residual: Tensor) -> None:
        questions = self._runs.questions
        values = read(self._runs.base.anatomy, residual, questions, ("contrast",))["contrast"]
        rows = [
            row
            for riding in passengers
            for row in cast(tuple[int, ...], riding.group)[riding.members]
        ]
        self._contrasts[rows] = values.cpu()


def _paired(anatomy: Anatomy, pairs: Pairs, rows: slice) -> PairedRuns:
    runs = PairedRuns.of(anatomy, pairs, rows, "noising")
    runs.need_keys_and_values()
    return runs


def _together(chunk: Chunk, runs: PairedRuns) -> int:
    """How many senders travel together, with as many replays beside them."""
    return max(1, Everywhere(runs.base, last_only=True).capacity(chunk) // 2)


def _check_receivers(anatomy: Anatomy, sender: Head, receivers: Sequence[Receiver]) -> None:
    check_heads(anatomy, [(receiver.layer, receiver.head) for receiver in receivers])
    for receiver in receivers:
        if receiver.layer <= sender[0]:
            raise CircuitScalingError(
                f"L{receiver.layer}H{receiver.head} cannot receive from L{sender[0]}H{sender[1]}: "
                "it is not in a later layer."
            )
