"""The parts of a model that the engine needs, and the proof that they fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from transformers.cache_utils import Cache, DynamicCache

from circuit_scaling.errors import CircuitScalingError

_PROBE_TOLERANCE = 2e-4  # relative to the largest value; bfloat16 weights are looser, see below


Varying = tuple[tuple[bool, ...], ...]


@dataclass(frozen=True)
class Anatomy:
    """A causal language model taken apart, as far as replaying needs.

    Attributes:
        model: the whole model, in evaluation mode.
        architecture: its name, for messages.
        blocks: the transformer blocks, each residual [batch, pos, d_model] -> the same shape.
        attentions: the attention module inside each block; its first output is added to the
            residual (or normed first), and it ends in the projection.
        projections: the output projection W_O inside each attention; its input is z,
            [batch, pos, n_heads * d_head].
        tail: what lies between the last block and the unembedding (final norm, projections).
        unembed: the unembedding, with its bias if it has one.
        logits: what the model does to the unembedding's output (scale, soft cap).
        n_heads, d_head: query heads per layer and their width.
        parallel: the MLP does not see this layer's attention output (GPT-NeoX), so that a change
            of the attention output is a change of the block's output, and nothing else.
        varying: for each block, which leaves of its call arguments have the batch in front.
        varying_end: the same for calls on the last position alone; empty where a model cannot
            continue a clean prefix exactly, so that ``end`` is replayed at all positions.
    """

    model: nn.Module
    architecture: str
    blocks: Sequence[nn.Module]
    attentions: Sequence[nn.Module]
    projections: Sequence[nn.Module]
    tail: tuple[nn.Module, ...]
    unembed: nn.Module
    logits: Callable[[Tensor], Tensor]
    n_heads: int
    d_head: int
    parallel: bool
    varying: Varying = ()
    varying_end: Varying = ()

    @property
    def n_layers(self) -> int:
        """Number of blocks."""
        return len(self.blocks)

    @property
    def vocabulary(self) -> int:
        """Number of tokens that the unembedding knows."""
        weight: Tensor = self.unembed.weight  # type: ignore[assignment]
        return int(weight.shape[0])

    @property
    def context(self) -> int | None:
        """Longest prompt that the model can read, where its configuration says so."""
        limit = getattr(self.model.config, "max_position_embeddings", None)
        return None if limit is None else int(limit)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    def w_o(self, layer: int) -> Tensor:
        """The output projection of a layer by head, [n_heads, d_head, d_model]."""
        projection = self.projections[layer]
        weight: Tensor = projection.weight  # type: ignore[assignment]
        if isinstance(projection, nn.Linear):
            weight = weight.T  # Linear keeps [out, in], GPT-2's Conv1D [in, out]
        return weight.reshape(self.n_heads, self.d_head, -1)


@dataclass(frozen=True)
class BlockCall:
    """One recorded call of a block.

    Attributes:
        leaves, structure: the call's arguments, flattened; the residual is ``leaves[residual]``.
        attention: the attention module's output, flattened, with its structure.
        z: [batch, pos, n_heads, d_head], before the output projection.
        output: the block's output residual.
        at_end: the call is on the last position alone.
    """

    leaves: tuple[Any, ...]
    structure: pytree.TreeSpec
    residual: int
    attention: tuple[Any, ...]
    attention_structure: pytree.TreeSpec
    z: Tensor
    output: Tensor
    at_end: bool

    @property
    def input(self) -> Tensor:
        """The residual that entered the block."""
        residual: Tensor = self.leaves[self.residual]
        return residual


@dataclass(frozen=True)
class Recording:
    """A clean run: every block's call, and the logits where they were asked for."""

    calls: tuple[BlockCall, ...]
    logits: Tensor

    @property
    def final(self) -> Tensor:
        """The residual after the last block, [batch, pos, d_model]."""
        return self.calls[-1].output


def record(anatomy: Anatomy, tokens: Tensor) -> Recording:
    """Run the model once on ``tokens`` [batch, pos] and keep what replaying needs."""
    return _record(anatomy, tokens, {"use_cache": False})


@torch.no_grad()
def record_end(anatomy: Anatomy, tokens: Tensor) -> Recording:
    """The last position of a clean run on ``tokens`` [batch, pos > 1], as calls on one position.

    A change at the last position alone cannot reach the positions before it, whose keys and
    values stay what they are: they are computed once and every replay reads them.
    """
    prefix = DynamicCache(config=anatomy.model.config)
    anatomy.model(input_ids=tokens[:, :-1], past_key_values=prefix, use_cache=True)
    past = FrozenPrefix(prefix)
    return _record(anatomy, tokens[:, -1:], {"past_key_values": past, "use_cache": True})


class FrozenPrefix(DynamicCache):
    """Keys and values of a clean prefix, for any number of copies of its batch; never changed."""

    def __init__(self, prefix: DynamicCache) -> None:
        super().__init__()
        self.layers = prefix.layers

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """The prefix with the new position behind it, [k * batch, heads, pos, d_head] each."""
        layer = self.layers[layer_idx]
        copies = key_states.shape[0] // layer.keys.shape[0]
        keys = torch.cat([_copies(layer.keys, copies), key_states], dim=-2)
        values = torch.cat([_copies(layer.values, copies), value_states], dim=-2)
        return keys, values


@torch.no_grad()
def _record(anatomy: Anatomy, tokens: Tensor, options: dict[str, Any]) -> Recording:
    arguments: list[Any] = []
    attended: list[Any] = []
    zs: list[Tensor] = []
    outputs: list[Tensor] = []
    handles = []

    def before_block(_module: nn.Module, args: Any, kwargs: Any) -> None:
        arguments.append((args, kwargs))

    def after_block(_module: nn.Module, _args: Any, output: Any) -> None:
        outputs.append(_first_tensor(output))

    def after_attention(_module: nn.Module, _args: Any, output: Any) -> None:
        attended.append(output)

    def before_projection(_module: nn.Module, args: Any) -> None:
        zs.append(args[0])

    for block, attention, projection in zip(
        anatomy.blocks, anatomy.attentions, anatomy.projections, strict=True
    ):
        handles += [
            block.register_forward_pre_hook(before_block, with_kwargs=True),
            block.register_forward_hook(after_block),
            attention.register_forward_hook(after_attention),
            projection.register_forward_pre_hook(before_projection),
        ]
    try:
        output = anatomy.model(input_ids=tokens, **options)
    finally:
        for handle in handles:
            handle.remove()
    if not len(arguments) == len(attended) == len(zs) == len(outputs) == anatomy.n_layers:
        raise _refusal(anatomy, "a block or its attention is not called exactly once per forward")
    n_prompts, n_positions = tokens.shape
    shape = (n_prompts, n_positions, anatomy.n_heads, anatomy.d_head)
    calls = []
    for call_arguments, attention_output, z, block_output in zip(
        arguments, attended, zs, outputs, strict=True
    ):
        leaves, structure = pytree.tree_flatten(call_arguments, is_leaf=_is_cache)
        attention_leaves, attention_structure = pytree.tree_flatten(attention_output)
        residual = next(i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor))
        if leaves[residual].shape != block_output.shape or z.numel() != _product(shape):
            raise _refusal(anatomy, "a block is not called with the residual as its first tensor")
        calls.append(
            BlockCall(
                tuple(leaves),
                structure,
                residual,
                tuple(attention_leaves),
                attention_structure,
                z.reshape(shape),
                block_output,
                at_end="past_key_values" in options,
            )
        )
    return Recording(tuple(calls), output.logits)


def run_block(anatomy: Anatomy, layer: int, call: BlockCall, residual: Tensor) -> Tensor:
    """Run a block on ``residual`` [k * batch, pos, d_model], k copies of the recorded batch."""
    args, kwargs = _arguments(anatomy, layer, call, residual)
    return _first_tensor(anatomy.blocks[layer](*args, **kwargs))


def run_block_after_attention(
    anatomy: Anatomy, layer: int, call: BlockCall, change: Tensor
) -> Tensor:
    """The block's output when its attention output is changed by ``change``.

    No attention is computed: the attention module answers with its recorded output plus the
    change, [k * batch, pos, d_model], and the rest of the block runs as it is written.
    """
    copies = change.shape[0] // call.output.shape[0]
    if anatomy.parallel:
        return _copies(call.output, copies) + change
    changed = list(call.attention)
    changed[0] = _copies(call.attention[0], copies) + change
    answer = pytree.tree_unflatten(changed, call.attention_structure)
    with _answering(anatomy.attentions[layer], answer):
        return run_block(anatomy, layer, call, _copies(call.input, copies))


def run_tail(anatomy: Anatomy, residual: Tensor) -> Tensor:
    """What the unembedding reads, from a residual after the last block, position by position."""
    for module in anatomy.tail:
        residual = module(residual)
    return residual


def run_unembed(anatomy: Anatomy, hidden: Tensor) -> Tensor:
    """Logits in float32 from what the unembedding reads."""
    logits: Tensor = anatomy.unembed(hidden)
    return anatomy.logits(logits).float()


def verified(anatomy: Anatomy) -> Anatomy:
    """Prove on a small batch that the parts fit together, and note which arguments vary.

    Raises:
        CircuitScalingError: the architecture does not follow the pattern that replay relies on;
            the message names it and the part that does not fit.
    """
    probes = [
        (torch.arange(n * 5, device=anatomy.device).reshape(n, 5) * 7 + 3) % anatomy.vocabulary
        for n in (2, 3)
    ]
    two, three = (record(anatomy, tokens) for tokens in probes)
    anatomy = replace(anatomy, varying=_varying(two, three))
    _check(anatomy, two)
    try:
        end_two, end_three = (record_end(anatomy, tokens) for tokens in probes)
    except (TypeError, ValueError, RuntimeError, AttributeError, CircuitScalingError):
        return anatomy  # no usable cache; the slow road is as exact
    at_end = replace(anatomy, varying_end=_varying(end_two, end_three))
    same = _close(end_two.logits[:, -1], two.logits[:, -1])
    return at_end if same and _replays(at_end, end_two) else anatomy


def _varying(two: Recording, three: Recording) -> Varying:
    """Which arguments have the batch in front: those that differ between batches of 2 and 3."""
    return tuple(
        tuple(
            isinstance(a, Tensor) and a.ndim > 0 and a.shape[0] == 2 and b.shape[0] == 3
            for a, b in zip(call_two.leaves, call_three.leaves, strict=True)
        )
        for call_two, call_three in zip(two.calls, three.calls, strict=True)
    )


@torch.no_grad()
def _replays(anatomy: Anatomy, clean: Recording) -> bool:
    """Whether two stacked copies of every block reproduce the recorded run."""
    return all(
        _close(run_block(anatomy, layer, call, _copies(call.input, 2)), _copies(call.output, 2))
        for layer, call in enumerate(clean.calls)
    )


@torch.no_grad()
def _check(anatomy: Anatomy, clean: Recording) -> None:
    generator = torch.Generator().manual_seed(0)
    for layer, call in enumerate(clean.calls):
        z = call.z.flatten(2)
        if not _close(anatomy.projections[layer](z), call.attention[0]):
            raise _refusal(anatomy, "its attention does not end in the output projection")
        if layer + 1 < anatomy.n_layers and not _close(call.output, clean.calls[layer + 1].input):
            raise _refusal(anatomy, "something happens between its blocks")
        if not _close(
            run_block_after_attention(anatomy, layer, call, torch.zeros_like(call.output)),
            call.output,
        ):
            raise _refusal(anatomy, "a block cannot be replayed from its attention output")
        if anatomy.parallel:
            noise = torch.randn(call.output.shape, generator=generator)
            change = noise.to(call.output) * call.attention[0].abs().mean()
            sequential = run_block_after_attention(
                replace(anatomy, parallel=False), layer, call, change
            )
            if not _close(sequential, call.output + change):
                raise _refusal(anatomy, "its blocks are not parallel as they are declared")
    logits = run_unembed(anatomy, run_tail(anatomy, clean.final))
    if not _close(logits, clean.logits):
        raise _refusal(anatomy, "its logits are not final norm and unembedding of the last block")


def _refusal(anatomy: Anatomy, reason: str) -> CircuitScalingError:
    return CircuitScalingError(
        f"The engine cannot take the architecture {anatomy.architecture}: {reason}. "
        "Remove the model from the roster, or teach the engine its pattern."
    )


def _arguments(anatomy: Anatomy, layer: int, call: BlockCall, residual: Tensor) -> Any:
    copies = residual.shape[0] // call.output.shape[0]
    varying = (anatomy.varying_end if call.at_end else anatomy.varying)[layer]
    leaves = [
        _copies(leaf, copies) if varies else leaf
        for leaf, varies in zip(call.leaves, varying, strict=True)
    ]
    leaves[call.residual] = residual
    return pytree.tree_unflatten(leaves, call.structure)


def _copies(tensor: Tensor, copies: int) -> Tensor:
    """``copies`` times the batch, one whole batch after the other."""
    if copies == 1:
        return tensor
    return tensor.expand(copies, *tensor.shape).flatten(0, 1)


@contextmanager
def _answering(module: nn.Module, answer: Any) -> Iterator[None]:
    """For a while, ``module`` returns ``answer`` whatever it is called with."""
    module.forward = lambda *_args, **_kwargs: answer
    try:
        yield
    finally:
        del module.forward


def _is_cache(value: Any) -> bool:
    return isinstance(value, Cache)


def _first_tensor(output: Any) -> Tensor:
    first: Tensor = output if isinstance(output, Tensor) else output[0]
    return first


def _close(a: Tensor, b: Tensor) -> bool:
    tolerance = _PROBE_TOLERANCE if a.dtype == torch.float32 else 5e-2
    return bool((a.float() - b.float()).abs().max() <= tolerance * (1e-3 + b.float().abs().max()))


def _product(shape: Sequence[int]) -> int:
    return int(torch.Size(shape).numel())
