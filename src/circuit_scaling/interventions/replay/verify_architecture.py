"""The proof, on a small batch, that a model's parts fit together as replay relies on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import (
    Anatomy,
    Varying,
    probe_tokens,
    refusal,
    run_tail,
    run_unembed,
    run_unembed_columns,
)
from circuit_scaling.interventions.model.blocks import (
    BlockCall,
    change_heads,
    run_block,
    run_block_with_attention,
)
from circuit_scaling.interventions.model.keys_and_values import copies_of
from circuit_scaling.interventions.model.memory import is_out_of_memory
from circuit_scaling.interventions.model.rounding import close, full_float32
from circuit_scaling.interventions.model.shared_prefixes import SharedPrefixes
from circuit_scaling.interventions.replay.clean import CleanRun
from circuit_scaling.interventions.replay.roads import OncePerPrefix

_PROBE_SIZES = (2, 3)
_PROBE_POSITIONS = 5
_PROBE_SHARED = 3  # that prompts begin with


@torch.no_grad()
def verified(anatomy: Anatomy) -> Anatomy:
    """Note which arguments of the blocks vary with the prompts, and prove that replay is exact.

    Whether parts fit together is no question of rounding: all of it is computed in full float32,
    also for a run in TF32.

    Raises:
        CircuitScalingError: the architecture does not follow the pattern that replay relies on;
            the message names it and the part that does not fit.
    """
    probes = [probe_tokens(anatomy, n, _PROBE_POSITIONS) for n in _PROBE_SIZES]
    with full_float32():
        anatomy = replace(anatomy, varying=_varying([CleanRun.of(anatomy, p) for p in probes]))
        _check(anatomy, probes[0])
        return _with_prefixes(_with_end(anatomy, probes), probes[0])


def _varying(runs: list[CleanRun], end: bool = False) -> Varying:
    """Which arguments have the batch in front: those that differ between batches of 2 and 3."""
    two, three = (run.end if end else run.arguments for run in runs)
    return tuple(
        tuple(
            _sizes(a) == _PROBE_SIZES[:1] and _sizes(b) == _PROBE_SIZES[1:]
            for a, b in zip(in_two.leaves, in_three.leaves, strict=True)
        )
        for in_two, in_three in zip(two, three, strict=True)
    )


def _sizes(leaf: Any) -> tuple[int, ...]:
    return tuple(leaf.shape[:1]) if isinstance(leaf, Tensor) else ()


def _with_end(anatomy: Anatomy, probes: list[Tensor]) -> Anatomy:
    """The anatomy with what replaying the last position alone needs, if the model can do that."""
    try:
        runs = [CleanRun.unchecked(anatomy, tokens)[0] for tokens in probes]
        at_end = replace(anatomy, varying_end=_varying(runs, end=True))
    except (TypeError, ValueError, RuntimeError, AttributeError, CircuitScalingError):
        return anatomy  # no usable cache; the slow road is as exact
    return at_end if CleanRun.of(at_end, probes[0], at_end=True).end else anatomy


def _with_prefixes(anatomy: Anatomy, tokens: Tensor) -> Anatomy:
    """The anatomy, with a note whether its blocks can be run on each prefix of prompts once."""
    alike = tokens.clone()
    alike[:, :_PROBE_SHARED] = tokens[0, :_PROBE_SHARED]
    alone = np.zeros(len(alike), dtype=np.int64)
    prefixes = SharedPrefixes.of(alike.cpu().numpy(), alone, alike.device)
    clean = CleanRun.of(anatomy, alike, at_end=True, keep=True)
    road = OncePerPrefix(clean, last_only=True, prefixes=prefixes)

    def same(call: BlockCall) -> bool:
        last = call.arguments.layer == anatomy.n_layers - 1
        expected = call.output[:, -1:] if last else prefixes.once(call.output)
        found = road.run(call.arguments.layer, copies_of(prefixes.once(call.input), 2))
        return close(found, copies_of(expected, 2))

    try:
        exact = all(map(same, clean.kept))
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        if is_out_of_memory(error):
            raise  # says nothing about the model
        exact = False  # all positions are as exact
    return replace(anatomy, shares_prefixes=exact)


def _check(anatomy: Anatomy, tokens: Tensor) -> None:
    """Blocks, what lies between them and what comes after them must give the model's logits."""
    expected = anatomy.model(input_ids=tokens, use_cache=False).logits
    _check_logits(anatomy, tokens, expected)
    clean = CleanRun.of(anatomy, tokens, keep=True)
    for call, following in zip(clean.kept, (*clean.kept[1:], None), strict=True):
        _check_block(anatomy, call)
        if following is not None and not close(call.output, following.input):
            raise refusal(anatomy.architecture, "something happens between its blocks")
    hidden = run_tail(anatomy, clean.final)
    if not close(run_unembed(anatomy, hidden), expected):
        raise refusal(
            anatomy.architecture, "its logits are not final norm and unembedding of the last block"
        )
    named = run_unembed_columns(anatomy, hidden[None, :, -1], tokens)[0]
    if not close(named, expected[:, -1].gather(-1, tokens)):
        raise refusal(
            anatomy.architecture, "its unembedding is not a matrix with a row for each token"
        )


def _check_logits(anatomy: Anatomy, tokens: Tensor, logits: Tensor) -> None:
    """Logits [prompts, pos, vocabulary] must be numbers, and know nothing of later tokens."""
    if not logits.isfinite().all():
        raise CircuitScalingError(
            f"The logits of the {anatomy.architecture} are not finite on a probe of "
            f"{len(tokens)} prompts: NaN or overflow. Load it in another dtype (dtype: float32), "
            "or take another checkpoint."
        )
    others = tokens.clone()
    others[:, -1] = (others[:, -1] + 1) % anatomy.vocabulary
    changed = anatomy.model(input_ids=others, use_cache=False).logits
    if not close(changed[:, :-1], logits[:, :-1]):
        raise refusal(anatomy.architecture, "its tokens see later ones, it is not causal")


def _check_block(anatomy: Anatomy, call: BlockCall) -> None:
    """A block must run on copies of a batch, and from its attention's output on as a whole."""
    layer = call.arguments.layer
    if not close(anatomy.projections[layer](call.z.flatten(2)), call.attention[0]):
        raise refusal(anatomy.architecture, "its attention does not end in the output projection")
    twice = run_block(anatomy, call.arguments, copies_of(call.input, 2))
    if not close(twice, copies_of(call.output, 2)):
        raise refusal(anatomy.architecture, "its blocks do not run on several copies of a batch")
    replayed = run_block_with_attention(anatomy, call, call.attention[0])
    if not close(replayed, call.output):
        raise refusal(anatomy.architecture, "a block cannot be replayed from its attention output")
    if anatomy.parallel:
        noise = torch.randn(call.z.shape, generator=torch.Generator().manual_seed(0))
        change = noise.to(call.z) * call.z.abs().mean()
        sequential = change_heads(replace(anatomy, parallel=False), call, change, slice(0, 1))
        if not close(change_heads(anatomy, call, change, slice(0, 1)), sequential):
            raise refusal(anatomy.architecture, "its blocks are not parallel as they are declared")
