"""A clean run of some prompts: what every block was called with, and its calls layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache

from circuit_scaling.interventions.model.anatomy import Anatomy, Varying, refusal
from circuit_scaling.interventions.model.blocks import (
    BlockArguments,
    BlockCall,
    CallRecorder,
    call_block,
    first_tensor,
    run_block,
    run_block_at_end,
)
from circuit_scaling.interventions.model.keys_and_values import FrozenPrefix, empty_cache
from circuit_scaling.interventions.model.memory import is_out_of_memory
from circuit_scaling.interventions.model.rounding import close
from circuit_scaling.interventions.model.with_cache import run_with_cache


@dataclass(frozen=True)
class CleanRun:
    """A clean run, kept as what each block was called with.

    The residuals of all layers are recomputed layer by layer while a scan goes up the model, unless
    there is memory to keep them: a run costs as little memory as one layer.

    Attributes:
        tokens: [prompts, pos].
        arguments: of every block, on all positions.
        end: the same on the last position alone, behind the clean keys and values of the others;
            empty where the model cannot do that.
        first, last: the residuals that enter the first and the last block, [prompts, pos, d_model].
        final: the residual after the last block, the same shape.
        kept: the calls of all blocks, where they were kept.
    """

    anatomy: Anatomy
    tokens: Tensor
    arguments: tuple[BlockArguments, ...]
    end: tuple[BlockArguments, ...]
    first: Tensor
    last: Tensor
    final: Tensor
    kept: tuple[BlockCall, ...] = ()

    @classmethod
    @torch.no_grad()
    def of(
        cls, anatomy: Anatomy, tokens: Tensor, at_end: bool = False, keep: bool = False
    ) -> CleanRun:
        """Run the model once on ``tokens`` [prompts, pos].

        Args:
            at_end: prepare calls on the last position alone, where the model can do that exactly.
            keep: hold the calls of all blocks in memory.

        Raises:
            CircuitScalingError: the model does not follow the pattern of replay.
        """
        at_end = at_end and bool(anatomy.varying_end) and tokens.shape[1] > 1
        if not at_end:
            return cls._of_run(anatomy, tokens, _Run(anatomy, tokens, anatomy.varying, keep=keep))
        clean, final = cls.unchecked(anatomy, tokens, keep)
        # A window that is longer than the probe of `verified` may show itself only here.
        return clean if _agrees_at_end(clean, final) else replace(clean, end=())

    @classmethod
    @torch.no_grad()
    def unchecked(
        cls, anatomy: Anatomy, tokens: Tensor, keep: bool = False
    ) -> tuple[CleanRun, Tensor]:
        """A clean run with calls at the end, and the last position's residual that they end in.

        Raises:
            Exception: of many kinds, where the model has no usable key-value cache.
        """
        cache = empty_cache(anatomy.model)
        clean = cls._of_run(
            anatomy, tokens, _Run(anatomy, tokens, anatomy.varying, cache, keep=keep)
        )
        end = _Run(anatomy, tokens[:, -1:], anatomy.varying_end, FrozenPrefix(cache))
        return replace(clean, end=end.arguments), end.final

    @classmethod
    def _of_run(cls, anatomy: Anatomy, tokens: Tensor, run: _Run) -> CleanRun:
        # Replays see all positions at once: they need no cache.
        arguments = tuple(arguments.with_cache(None) for arguments in run.arguments)
        kept = tuple(run.calls)
        return cls(anatomy, tokens, arguments, (), run.first, run.last, run.final, kept)

    def calls(self) -> Iterator[BlockCall]:
        """The clean calls of the blocks, in order."""
        if self.kept:
            yield from self.kept
            return
        residual = self.first
        for arguments in self.arguments:
            with torch.no_grad():
                call = call_block(self.anatomy, arguments, residual)
            yield call
            residual = call.output

    def call_at_end(self, call: BlockCall) -> BlockCall:
        """The same call on the last position alone."""
        return call_block(self.anatomy, self.end[call.arguments.layer], call.input[:, -1:])

    def run_last_block(self, residual: Tensor) -> Tensor:
        """The last block's output at the last position, [k * prompts, 1, d_model]."""
        arguments = self.arguments[-1]
        if not self.end:
            return run_block(self.anatomy, arguments, residual)[:, -1:]
        if residual.shape[1] == 1:
            return run_block(self.anatomy, self.end[-1], residual)
        return run_block_at_end(self.anatomy, arguments, self.end[-1], residual)


@torch.no_grad()
def block_arguments(anatomy: Anatomy, tokens: Tensor) -> tuple[tuple[BlockArguments, ...], Tensor]:
    """What each block would be called with on ``tokens`` [prompts, pos], and the first residual.

    Only the first block runs: of what a block is called with, nothing but the residual depends on
    the blocks before it.

    Returns:
        The calls without their residuals, and what enters the first block, [prompts, pos, d_model].

    Raises:
        CircuitScalingError: a block is not called exactly once.
    """
    with _first_block_alone(anatomy.blocks):
        run = _Run(anatomy, tokens, anatomy.varying)
    return run.arguments, run.first


@contextmanager
def _first_block_alone(blocks: Sequence[nn.Module]) -> Iterator[None]:
    """For a while, all blocks answer what the first one has answered."""
    answers: list[Any] = []
    first, *others = blocks
    handle = first.register_forward_hook(lambda _module, _args, output: answers.append(output))
    for block in others:
        block.forward = lambda *_args, **_kwargs: answers[-1]
    try:
        yield
    finally:
        handle.remove()
        for block in others:
            del block.forward


def _agrees_at_end(clean: CleanRun, final: Tensor) -> bool:
    """Whether the last position comes out the same alone, behind keys and values, and with all."""
    expected = clean.final[:, -1:]
    if not close(final, expected):
        return False
    try:
        return close(clean.run_last_block(clean.last), expected)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        if is_out_of_memory(error):
            raise  # says nothing about the model
        return False


class _Run:
    """One forward pass, up to the unembedding, whose logits at every position nobody needs."""

    def __init__(
        self,
        anatomy: Anatomy,
        tokens: Tensor,
        varying: Varying,
        cache: DynamicCache | None = None,
        keep: bool = False,
    ) -> None:
        self._varying = varying
        self._recorders: list[CallRecorder] = []
        self._arguments: list[BlockArguments] = []
        self._outputs = 0
        self.calls: list[BlockCall] = []
        handles: list[Any] = []
        if keep:
            self._recorders = [CallRecorder(anatomy, layer) for layer in range(anatomy.n_layers)]
        for block in anatomy.blocks:
            handles.append(block.register_forward_pre_hook(self._before_block, with_kwargs=True))
            handles.append(block.register_forward_hook(self._after_block))
        try:
            run_with_cache(anatomy, tokens, cache)
        finally:
            for handle in (*handles, *self._recorders):
                handle.remove()
        if not anatomy.n_layers == len(self._arguments) == self._outputs:
            raise refusal(anatomy.architecture, "a block is not called exactly once per forward")

    @property
    def arguments(self) -> tuple[BlockArguments, ...]:
        """Of every block, with the cache that the model was run with."""
        return tuple(self._arguments)

    def _before_block(self, _module: nn.Module, args: Any, kwargs: Any) -> None:
        layer = len(self._arguments)
        varies = self._varying[layer] if layer < len(self._varying) else ()
        arguments, self.last = BlockArguments.of(layer, args, kwargs, varies)
        if not layer:
            self.first = self.last
        self._arguments.append(arguments)

    def _after_block(self, _module: nn.Module, _args: Any, output: Any) -> None:
        self.final = first_tensor(output)
        self._outputs += 1
        if self._recorders:
            layer = len(self._arguments) - 1
            call = self._recorders[layer].call(self._arguments[layer], self.last, self.final)
            self.calls.append(replace(call, arguments=call.arguments.with_cache(None)))
