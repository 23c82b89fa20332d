"""Put heads of one run into another, exactly: activation patching of z and v, alone and jointly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.activations import fused_activations
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.blocks import (
    BlockCall,
    keys_and_values_of,
    z_of,
)
from circuit_scaling.interventions.model.keys_and_values import KeysAndValuesKnown
from circuit_scaling.interventions.operations.direct_path import DirectPath
from circuit_scaling.interventions.replay.changed_sets import changed_sets
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.clean import CleanRun
from circuit_scaling.interventions.replay.pairs import Direction, Head, Pairs, Part
from circuit_scaling.interventions.replay.portions import by_rows, joined
from circuit_scaling.interventions.replay.readouts import Questions, make_questions, read
from circuit_scaling.interventions.replay.replacements import tokens_on
from circuit_scaling.interventions.replay.request_checks import check_heads, check_pairs
from circuit_scaling.interventions.replay.roads import Everywhere
from circuit_scaling.interventions.replay.stack import Passengers, Stack, shares

SOURCE_RUN = 2  # z of all layers: as much as the keys and values of a second run


@dataclass(frozen=True)
class Patched:
    """What patching heads one at a time does to the contrast.

    Attributes:
        total: float32 [heads, pairs], m(patched) - m(base).
        direct: the same through the residual stream alone: no later block sees the change, and the
            final norm keeps the scale of the base run. None where heads have no such path
            (post-norm models).
        base, source: float32 [pairs], the contrast of the two unchanged runs.
    """

    total: NDArray[np.float32]
    direct: NDArray[np.float32] | None
    base: NDArray[np.float32]
    source: NDArray[np.float32]


def patch_heads(
    anatomy: Anatomy,
    pairs: Pairs,
    heads: Sequence[Head],
    direction: Direction,
    part: Part = "z",
    chunk: Chunk | None = None,
) -> Patched:
    """Patch each of ``heads`` alone, at all positions.

    ``z``: z' is the head's z in the source run. ``v``: z' = A_base v_source, the source's values
    (of the head's key-value group) under the attention of the base run.

    Raises:
        CircuitScalingError: a head is outside the model's shape; the pairs do not fit the model;
            the model does not hand its values to a key-value cache (``v`` only).
    """
    check_heads(anatomy, heads)
    check_pairs(anatomy, pairs)

    def patch(rows: slice, fitting: Chunk) -> Patched:
        runs = PairedRuns.of(anatomy, pairs, rows, direction)
        if part == "v":
            runs.need_keys_and_values()
        return _patch(runs, heads, part, fitting)

    with torch.no_grad(), fused_activations(anatomy.model):
        holding = (chunk or Chunk.of(anatomy)).holding(SOURCE_RUN)
        parts = list(by_rows(pairs.clean.shape, holding, patch))
    directs = [patched.direct for patched in parts if patched.direct is not None]
    return Patched(
        joined([patched.total for patched in parts]),
        joined(directs) if len(directs) == len(parts) else None,
        joined([patched.base for patched in parts]),
        joined([patched.source for patched in parts]),
    )


def patch_sets(
    anatomy: Anatomy,
    pairs: Pairs,
    sets: Sequence[Sequence[Head]],
    direction: Direction,
    chunk: Chunk | None = None,
) -> NDArray[np.float32]:
    """Patch z of several heads at once: m(patched) - m(base), float32 [sets, pairs].

    Raises:
        CircuitScalingError: a head is outside the model's shape; the pairs do not fit the model.
    """
    for heads in sets:
        check_heads(anatomy, heads)
    check_pairs(anatomy, pairs)

    def patch(rows: slice, fitting: Chunk) -> NDArray[np.float32]:
        runs = PairedRuns.of(anatomy, pairs, rows, direction)
        z = [call.z for call in runs.source.calls()]
        road = Everywhere(runs.base, last_only=True)
        values = changed_sets(road, z, sets, runs.questions, ("contrast",), fitting)
        return (values[0] - runs.contrast(runs.base)).cpu().numpy()

    with torch.no_grad(), fused_activations(anatomy.model):
        holding = (chunk or Chunk.of(anatomy)).holding(SOURCE_RUN + 1)
        return joined(list(by_rows(pairs.clean.shape, holding, patch)))


@dataclass(frozen=True)
class PairedRuns:
    """Both runs of some pairs.

    Attributes:
        base: the run that is changed.
        source: the run that heads are taken from.
        questions: the contrast of the clean prompts.
    """

    base: CleanRun
    source: CleanRun
    questions: Questions

    @classmethod
    def of(cls, anatomy: Anatomy, pairs: Pairs, rows: slice, direction: Direction) -> PairedRuns:
        """Run some pairs of prompts."""
        base, source = (
            CleanRun.of(anatomy, tokens_on(anatomy, tokens[rows]), at_end=True)
            for tokens in (pairs.base(direction), pairs.source(direction))
        )
        nothing: list[tuple[int, ...]] = [()] * len(base.tokens)
        questions = make_questions(
            base.tokens, pairs.answers[rows], pairs.distractors[rows], nothing
        )
        return cls(base, source, questions)

    def contrast(self, run: CleanRun) -> Tensor:
        """The contrast of an unchanged run, [prompts], by the road of the changed ones."""
        final = run.run_last_block(run.last)
        return read(run.anatomy, final, self.questions, ("contrast",))["contrast"][0]

    def need_keys_and_values(self) -> None:
        """Stop where keys and values cannot be taken and given.

        Raises:
            CircuitScalingError: the model does not hand them to a cache as the engine needs it.
        """
        if not (self.base.end and self.source.end):
            raise CircuitScalingError(
                f"Queries, keys and values of {self.base.anatomy.architecture} cannot be patched: "
                "it does not hand its keys and values to a key-value cache, or the prompts have "
                "one token only. Patch z."
            )


def _patch(runs: PairedRuns, heads: Sequence[Head], part: Part, chunk: Chunk) -> Patched:
    anatomy = runs.base.anatomy
    wanted = _by_layer(heads)
    direct_path = DirectPath.of(runs.base)
    total, direct = (torch.zeros(len(heads), len(runs.base.tokens)) for _ in range(2))

    def deliver(passengers: list[Passengers], residual: Tensor) -> None:
        values = read(anatomy, residual, runs.questions, ("contrast",))["contrast"].cpu()
        for riding, theirs in shares(passengers):
            places = wanted[riding.group][riding.members]
            total[[place for place, _ in places]] = values[theirs]

    road = Everywhere(runs.base, last_only=True)
    stack = Stack(road, road.capacity(chunk), deliver)
    for call, z in _new_z(runs, wanted, part):
        layer = call.arguments.layer
        stack.ascend(layer)
        if layer not in wanted:
            continue
        change = z - call.z
        places, in_layer = zip(*wanted[layer], strict=True)
        if direct_path is not None:
            ends = change[:, -1][:, list(in_layer)]
            written = torch.einsum("bhd,hdm->hbm", ends, anatomy.w_o(layer)[list(in_layer)])
            direct[list(places)] = direct_path.contrast(written, runs.questions).cpu()
        stack.board_heads(layer, road.call(call), road.change(layer, change), in_layer)
    stack.depart(anatomy.n_layers)
    base = runs.contrast(runs.base).cpu()
    return Patched(
        (total - base).numpy(),
        None if direct_path is None else direct.numpy(),
        base.numpy(),
        runs.contrast(runs.source).cpu().numpy(),
    )


def _by_layer(heads: Sequence[Head]) -> dict[object, list[tuple[int, int]]]:
    """Layer -> places among ``heads``, and heads of that layer."""
    found: dict[object, list[tuple[int, int]]] = defaultdict(list)
    for place, (layer, head) in enumerate(heads):
        found[layer].append((place, head))
    return dict(found)


def _new_z(
    runs: PairedRuns, wanted: Mapping[object, object], part: Part
) -> Iterator[tuple[BlockCall, Tensor]]:
    """The base run's calls, with what patching gives for z, [prompts, pos, n_heads, d_head]."""
    for call, source in zip(runs.base.calls(), runs.source.calls(), strict=True):
        if part == "z" or call.arguments.layer not in wanted:
            yield call, source.z
            continue
        anatomy = runs.base.anatomy
        keys, _ = keys_and_values_of(anatomy, call.arguments, call.input)
        _, values = keys_and_values_of(anatomy, source.arguments, source.input)
        known = KeysAndValuesKnown(keys, values)
        yield call, z_of(anatomy, call.arguments.with_cache(known), call.input)
