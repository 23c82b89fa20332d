"""At which positions changed runs are computed on their way up a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.blocks import BlockCall, keys_and_values_of, run_block
from circuit_scaling.interventions.model.keys_and_values import KeysAndValuesKnown
from circuit_scaling.interventions.model.shared_prefixes import SharedPrefixes, attending_everywhere
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.clean import CleanRun

# What spreading prefixes over all positions costs, as a share of a block: moves of numbers beside
# products, which weigh the less the wider the model is. Measured on GPT-2s of widths 64 to 768.
_SPREADING = 16.0  # over d_model
_NOISE = 0.05  # less is not gained for sure


@dataclass(frozen=True)
class Road(ABC):
    """The positions of the runs of one stack.

    Attributes:
        clean: the run that is changed.
        last_only: of the last block only the last position is wanted.
    """

    clean: CleanRun
    last_only: bool

    @abstractmethod
    def call(self, call: BlockCall) -> BlockCall:
        """A clean call on the positions at which its layer is changed."""

    @abstractmethod
    def change(self, layer: int, change: Tensor) -> Tensor:
        """z' - z [prompts, pos, n_heads, d_head] on these positions."""

    @abstractmethod
    def run(self, layer: int, residual: Tensor) -> Tensor:
        """The residual of stacked runs after a block; after the last, as :meth:`arrived`."""

    @abstractmethod
    def arrived(self, residual: Tensor) -> Tensor:
        """What runs that were changed in the last block are read from.

        Returns:
            [runs * prompts, pos, d_model], or its last position alone.
        """

    def capacity(self, chunk: Chunk) -> int:
        """How many runs go together."""
        return chunk.heads(*self.clean.tokens.shape)

    def _is_last(self, layer: int) -> bool:
        return layer == self.clean.anatomy.n_layers - 1

    def _ends_at(self, layer: int) -> bool:
        """Whether a change in this layer is wanted, and can be computed, at the end alone."""
        return self.last_only and self._is_last(layer) and bool(self.clean.end)


class Everywhere(Road):
    """All positions of all prompts."""

    def call(self, call: BlockCall) -> BlockCall:
        """The call itself, or its last position where no more is wanted."""
        return self.clean.call_at_end(call) if self._ends_at(call.arguments.layer) else call

    def change(self, layer: int, change: Tensor) -> Tensor:
        """All of it, or the last position."""
        return change[:, -1:] if self._ends_at(layer) else change

    def run(self, layer: int, residual: Tensor) -> Tensor:
        """All positions, [runs * prompts, pos, d_model]."""
        if self.last_only and self._is_last(layer):
            return self.clean.run_last_block(residual)
        return run_block(self.clean.anatomy, self.clean.arguments[layer], residual)

    def arrived(self, residual: Tensor) -> Tensor:
        """The positions that are wanted."""
        return residual[:, -1:] if self.last_only else residual


class AtEnd(Road):
    """The last position alone, behind clean keys and values: nothing before it is changed."""

    def call(self, call: BlockCall) -> BlockCall:
        """Its last position."""
        return self.clean.call_at_end(call)

    def change(self, layer: int, change: Tensor) -> Tensor:
        """Of the last position."""
        return change[:, -1:]

    def run(self, layer: int, residual: Tensor) -> Tensor:
        """The last position, [runs * prompts, 1, d_model]."""
        return run_block(self.clean.anatomy, self.clean.end[layer], residual)

    def arrived(self, residual: Tensor) -> Tensor:
        """The last position, as it is."""
        return residual


@dataclass(frozen=True)
class OncePerPrefix(Road):
    """Each distinct prefix once, where what replaces z is the same wherever a prefix is.

    The runs of a head are one row of prefixes, [runs, prefixes, d_model], as if they were the
    positions of one prompt.

    Attributes:
        prefixes: of the prompts.
    """

    prefixes: SharedPrefixes

    def call(self, call: BlockCall) -> BlockCall:
        """The call on prefixes, or on the last position where no more is wanted."""
        if self._ends_at(call.arguments.layer):
            return self.clean.call_at_end(call)
        once, (attention, *others) = self.prefixes.once, call.attention
        return BlockCall(
            replace(call.arguments, n_prompts=1),
            once(call.input),
            (once(attention), *others),
            call.attention_structure,
            once(call.z),
            once(call.output),
        )

    def change(self, layer: int, change: Tensor) -> Tensor:
        """Of each prefix, [1, prefixes, n_heads, d_head], or of the last position."""
        return change[:, -1:] if self._ends_at(layer) else self.prefixes.once(change)

    def run(self, layer: int, residual: Tensor) -> Tensor:
        """Each prefix, [runs, prefixes, d_model]."""
        anatomy, prefixes = self.clean.anatomy, self.prefixes
        # What else the block is called with is for all prompts, in each run.
        arguments = replace(self.clean.arguments[layer], n_prompts=1)
        with attending_everywhere(anatomy, layer, prefixes):
            if not self._ends_at(layer):
                residual = run_block(anatomy, arguments, residual)
                return self.arrived(residual) if self._is_last(layer) else residual
            known = KeysAndValuesKnown(*keys_and_values_of(anatomy, arguments, residual))
        end = self.clean.end[layer].with_cache(known)
        return run_block(anatomy, end, prefixes.at_end(residual))

    def arrived(self, residual: Tensor) -> Tensor:
        """The positions that are wanted, of all prompts."""
        if not self.last_only:
            return self.prefixes.everywhere(residual)
        return residual if self.clean.end else self.prefixes.at_end(residual)

    def capacity(self, chunk: Chunk) -> int:
        """How many runs go together: the attention of each holds all positions."""
        fitting = chunk.limit // (self.prefixes.n_prompts * self.prefixes.positions)
        return max(1, min(chunk.heads(1, len(self.prefixes)), fitting))


def prefixes_of(
    anatomy: Anatomy, batch: Batch, rows: slice, ablations: Sequence[Ablation]
) -> SharedPrefixes | None:
    """The prefixes that some prompts of a batch share; None where it is not worth it, or not exact.

    Args:
        rows: which prompts.
        ablations: a mean is of the prompt's group, and groups then share nothing.
    """
    if not anatomy.shares_prefixes:
        return None
    by_group = any(ablation.mode == "mean" for ablation in ablations)
    groups = batch.groups[rows] if by_group else np.zeros_like(batch.groups[rows])
    prefixes = SharedPrefixes.of(batch.tokens[rows], groups, anatomy.device)
    costs = prefixes.share + _SPREADING / anatomy.d_model
    return prefixes if costs + _NOISE <= 1 else None


def road_of(
    ablation: Ablation, clean: CleanRun, prefixes: SharedPrefixes | None, last_only: bool
) -> Road:
    """The shortest road on which runs under an ablation are exact.

    A donor's z differs between prompts that begin alike: nothing is shared under ``resample``.
    """
    if ablation.positions == "end" and clean.end:
        return AtEnd(clean, last_only)
    if prefixes is not None and ablation.mode != "resample":
        return OncePerPrefix(clean, last_only, prefixes)
    return Everywhere(clean, last_only)
