"""One transformer block: what it was called with in a clean run, and running it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from transformers.cache_utils import Cache

from circuit_scaling.interventions.model.anatomy import Anatomy, refusal
from circuit_scaling.interventions.model.keys_and_values import (
    CapturedKeysAndValues,
    KeysAndValuesCapture,
    KeysAndValuesKnown,
    copies_of,
)


@dataclass(frozen=True)
class BlockArguments:
    """What a block was called with in a clean run, without the residual.

    Attributes:
        layer: which block.
        leaves, structure: the call's arguments, flattened; None in the place of the residual.
        residual, cache: the places of the residual and of a key-value cache (None: it has none).
        n_prompts: the batch of the clean run; the block runs on any number of copies of it.
        varying: which leaves have the batch in front.
    """

    layer: int
    leaves: tuple[Any, ...]
    structure: pytree.TreeSpec
    residual: int
    cache: int | None
    n_prompts: int
    varying: tuple[bool, ...]

    @classmethod
    def of(
        cls, layer: int, args: Any, kwargs: Any, varying: tuple[bool, ...]
    ) -> tuple[BlockArguments, Tensor]:
        """Take a call apart into its arguments and its residual, the first tensor among them.

        Returns:
            The arguments, and the residual, [n_prompts, pos, d_model].
        """
        leaves, structure = pytree.tree_flatten((args, kwargs), is_leaf=is_cache)
        place = next(i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor))
        residual = leaves[place]
        cache = next((i for i, leaf in enumerate(leaves) if is_cache(leaf)), None)
        kept = [None if i == place else leaf for i, leaf in enumerate(leaves)]
        arguments = cls(layer, tuple(kept), structure, place, cache, len(residual), varying)
        return arguments, residual

    def with_cache(self, cache: Cache | None) -> BlockArguments:
        """The same call with another key-value cache in the place of its own."""
        leaves = list(self.leaves)
        if self.cache is not None:
            leaves[self.cache] = cache
        return replace(self, leaves=tuple(leaves))

    def filled(self, residual: Tensor) -> Any:
        """Positional and keyword arguments for ``residual`` [k * n_prompts, pos, d_model]."""
        copies = len(residual) // self.n_prompts
        leaves = [
            copies_of(leaf, copies) if varies else leaf
            for leaf, varies in zip(self.leaves, self.varying, strict=True)
        ]
        leaves[self.residual] = residual
        return pytree.tree_unflatten(leaves, self.structure)


@dataclass(frozen=True)
class BlockCall:
    """One clean call of a block.

    Attributes:
        arguments: what it was called with.
        input, output: the residual before and after, [batch, pos, d_model].
        attention: the attention module's output, flattened, with its structure.
        z: [batch, pos, n_heads, d_head], before the output projection.
    """

    arguments: BlockArguments
    input: Tensor
    attention: tuple[Any, ...]
    attention_structure: pytree.TreeSpec
    z: Tensor
    output: Tensor


class CallRecorder:
    """Hooks on one block that collect z and the attention's output whenever it runs."""

    def __init__(self, anatomy: Anatomy, layer: int) -> None:
        self._anatomy = anatomy
        self._attended: list[Any] = []
        self._z: list[Tensor] = []
        self._handles = (
            anatomy.attentions[layer].register_forward_hook(self._after_attention),
            anatomy.projections[layer].register_forward_pre_hook(self._before_projection),
        )

    def call(self, arguments: BlockArguments, residual: Tensor, output: Tensor) -> BlockCall:
        """The call that has just run, taken from the hooks.

        Args:
            residual, output: before and after the block, [batch, pos, d_model].

        Raises:
            CircuitScalingError: the block does not call its attention exactly once, or z does not
                have the shape of the heads.
        """
        anatomy = self._anatomy
        if len(self._attended) != 1 or len(self._z) != 1:
            raise refusal(
                anatomy.architecture,
                "a block or its attention is not called exactly once per forward",
            )
        leaves, structure = pytree.tree_flatten(self._attended.pop())
        z = self._z.pop()
        shape = (*residual.shape[:2], anatomy.n_heads, anatomy.d_head)
        if residual.shape != output.shape or z.numel() != torch.Size(shape).numel():
            raise refusal(
                anatomy.architecture, "a block is not called with the residual as its first tensor"
            )
        return BlockCall(arguments, residual, tuple(leaves), structure, z.reshape(shape), output)

    def remove(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()

    def _after_attention(self, _module: nn.Module, _args: Any, output: Any) -> None:
        self._attended.append(output)

    def _before_projection(self, _module: nn.Module, args: Any) -> None:
        self._z.append(args[0])


def run_block(anatomy: Anatomy, arguments: BlockArguments, residual: Tensor) -> Tensor:
    """Run a block on ``residual`` [k * batch, pos, d_model], k copies of the clean batch."""
    args, kwargs = arguments.filled(residual)
    return first_tensor(anatomy.blocks[arguments.layer](*args, **kwargs))


def call_block(anatomy: Anatomy, arguments: BlockArguments, residual: Tensor) -> BlockCall:
    """Run a block and keep everything that replaying from the middle of it needs.

    Args:
        residual: what enters it, [k * batch, pos, d_model].

    Raises:
        CircuitScalingError: the block does not follow the pattern of replay.
    """
    recorder = CallRecorder(anatomy, arguments.layer)
    try:
        return recorder.call(arguments, residual, run_block(anatomy, arguments, residual))
    finally:
        recorder.remove()


def run_block_with_attention(
    anatomy: Anatomy, call: BlockCall, attention: Tensor, residual: Tensor | None = None
) -> Tensor:
    """The block's output when its attention module answers ``attention`` [k * batch, pos, d].

    No attention is computed, and the rest of the block runs as it is written: norms after the
    attention, scaled residuals and gated MLPs need no code of ours.

    Args:
        residual: what enters the block, [k * batch, pos, d_model]; by default that of the call.
    """
    answer = pytree.tree_unflatten([attention, *call.attention[1:]], call.attention_structure)
    if residual is None:
        residual = copies_of(call.input, len(attention) // call.arguments.n_prompts)
    with answering(anatomy.attentions[call.arguments.layer], answer):
        return run_block(anatomy, call.arguments, residual)


def change_heads(
    anatomy: Anatomy, call: BlockCall, change: Tensor, heads: slice | Sequence[int]
) -> Tensor:
    """The block's output with the z of each of ``heads`` changed alone.

    Args:
        change: z' - z, [batch, pos, n_heads, d_head].
        heads: which of them, one copy of the batch each.

    Returns:
        [len(heads) * batch, pos, d_model], one head after the other.
    """
    chosen = change[:, :, heads].permute(2, 0, 1, 3).flatten(1, 2)
    return _changed(anatomy, call, chosen, anatomy.w_o(call.arguments.layer)[heads])


def change_sets(anatomy: Anatomy, call: BlockCall, change: Tensor, mask: Tensor) -> Tensor:
    """The block's output with the z of several heads changed together, in each set its own.

    Args:
        change: z' - z, [batch, pos, n_heads, d_head].
        mask: bool [sets, n_heads].

    Returns:
        [sets * batch, pos, d_model], one set after the other.
    """
    chosen = (change.flatten(0, 1) * mask[:, None, :, None]).flatten(2)
    weight = anatomy.w_o(call.arguments.layer).flatten(0, 1)
    return _changed(anatomy, call, chosen, weight.expand(len(mask), -1, -1))


def _changed(anatomy: Anatomy, call: BlockCall, chosen: Tensor, weight: Tensor) -> Tensor:
    """The block's output with ``chosen @ weight`` added to its attention's output.

    Args:
        chosen: [k, batch * pos, width].
        weight: [k, width, d_model].
    """
    # A change of z reaches the residual through W_O alone; a parallel block passes it on as it is.
    base = call.output if anatomy.parallel else call.attention[0]
    changed = torch.baddbmm(base.reshape(1, chosen.shape[1], -1), chosen, weight)
    changed = changed.reshape(-1, base.shape[1], changed.shape[-1])
    return changed if anatomy.parallel else run_block_with_attention(anatomy, call, changed)


class _ZTaken(Exception):
    """The block has computed z, and nothing more is wanted of it."""


def z_of(anatomy: Anatomy, arguments: BlockArguments, residual: Tensor) -> Tensor:
    """z of a block's heads on ``residual``, [k * batch, pos, n_heads, d_head]."""
    taken: list[Tensor] = []

    def take(_module: nn.Module, args: Any) -> None:
        taken.append(args[0])
        raise _ZTaken

    handle = anatomy.projections[arguments.layer].register_forward_pre_hook(take)
    try:
        with suppress(_ZTaken):
            run_block(anatomy, arguments, residual)
    finally:
        handle.remove()
    z: Tensor = taken[0].unflatten(-1, (anatomy.n_heads, anatomy.d_head))
    return z


def keys_and_values_of(
    anatomy: Anatomy, arguments: BlockArguments, residual: Tensor
) -> tuple[Tensor, Tensor]:
    """Keys and values of a block on ``residual``, [k * batch, key-value heads, pos, d_head] each.

    Raises:
        ValueError: the block does not hand them to a cache.
    """
    capture = KeysAndValuesCapture()
    with suppress(CapturedKeysAndValues):
        run_block(anatomy, arguments.with_cache(capture), residual)
    return capture.taken()


def run_block_at_end(
    anatomy: Anatomy, arguments: BlockArguments, end: BlockArguments, residual: Tensor
) -> Tensor:
    """The block's output at the last position only, [k * batch, 1, d_model].

    Of the other positions the last one needs keys and values and nothing else: no query, no
    output projection, no MLP. The block runs on all positions until its keys and values are known,
    and then on the last position alone.

    Args:
        arguments: the block's clean call on all positions.
        end: its clean call on the last position, behind the keys and values of the others.
        residual: [k * batch, pos, d_model].
    """
    known = KeysAndValuesKnown(*keys_and_values_of(anatomy, arguments, residual))
    return run_block(anatomy, end.with_cache(known), residual[:, -1:])


def first_tensor(output: Any) -> Tensor:
    """The residual [batch, pos, d_model] among what a block returns, which comes first."""
    first: Tensor = output if isinstance(output, Tensor) else output[0]
    return first


@contextmanager
def answering(module: nn.Module, answer: Any) -> Iterator[None]:
    """For a while, ``module`` returns ``answer`` whatever it is called with."""
    with answering_with(module, lambda *_args, **_kwargs: answer):
        yield


@contextmanager
def answering_with(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """For a while, ``module`` returns what ``forward`` gives; its hooks run as always."""
    own = vars(module).get("forward")  # whoever loaded the model may have put one there
    module.forward = forward
    try:
        yield
    finally:
        del module.forward
        if own is not None:
            module.forward = own


def is_cache(value: Any) -> bool:
    """Whether an argument is a key-value cache, which is no tree of tensors."""
    return isinstance(value, Cache)
