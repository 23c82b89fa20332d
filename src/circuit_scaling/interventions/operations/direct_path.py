"""The direct path: what a head writes, read by the unembedding without any block in between."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from circuit_scaling.interventions.model.anatomy import Anatomy, run_unembed_columns
from circuit_scaling.interventions.model.blocks import BlockCall, run_block_with_attention
from circuit_scaling.interventions.model.rounding import close
from circuit_scaling.interventions.replay.clean import CleanRun
from circuit_scaling.interventions.replay.readouts import Questions, contrast

_EPSILONS = ("eps", "variance_epsilon", "epsilon")
# So much larger that the epsilon of a norm no longer counts.
_SCALE, _TOLERANCE = 1e3, 1e-2


@dataclass(frozen=True)
class DirectPath:
    """The map from a change of the last residual to a change of the contrast, norms frozen.

    The final norm is taken apart into centring, scale and gain; the scale stays that of the base
    run, so that the map is linear up to the soft cap of the logits.

    Attributes:
        hidden: what the unembedding reads in the base run, [prompts, d].
        frozen: for each module of the tail, the matrix-free linear map that stands for it.
    """

    anatomy: Anatomy
    hidden: Tensor
    frozen: tuple[_Frozen, ...]

    @classmethod
    @torch.no_grad()
    def of(cls, clean: CleanRun) -> DirectPath | None:
        """The direct path of a run at its last position; None where heads have none.

        Post-norm blocks norm the sum of the residual and the attention's output, so that nothing
        that a head writes reaches the end unchanged. A final norm that is neither a layer norm nor
        an RMS norm has no scale that could be frozen.
        """
        anatomy = clean.anatomy
        if not all(_adds_attention(anatomy, call) for call in clean.calls()):
            return None
        hidden = clean.final[:, -1]
        frozen = []
        for module in anatomy.tail:
            part = _Frozen.of(module, hidden)
            if part is None:
                return None
            frozen.append(part)
            hidden = module(hidden)
        return cls(anatomy, hidden, tuple(frozen))

    @torch.no_grad()
    def contrast(self, written: Tensor, questions: Questions) -> Tensor:
        """The change of the contrast by ``written`` [k, prompts, d_model], float32 [k, prompts]."""
        for part in self.frozen:
            written = part(written)
        columns = questions.columns
        base = run_unembed_columns(self.anatomy, self.hidden[None], columns)
        changed = run_unembed_columns(self.anatomy, self.hidden + written, columns)
        return contrast(changed, questions) - contrast(base, questions)


@dataclass(frozen=True)
class _Frozen:
    """A module of the tail as a linear map of a change.

    Attributes:
        module: a linear module, which is its own map up to the bias; None for a norm.
        centred: whether the mean is taken out first.
        gain: scale of the base run times the norm's weight, [prompts, d].
    """

    module: nn.Linear | None
    centred: bool
    gain: Tensor

    @classmethod
    def of(cls, module: nn.Module, given: Tensor) -> _Frozen | None:
        """The map at ``given`` [prompts, d], if the module is a norm or linear."""
        if isinstance(module, nn.Linear):
            return cls(module, False, given)
        epsilon = next((getattr(module, n) for n in _EPSILONS if hasattr(module, n)), 0.0)
        weight = getattr(module, "weight", None)
        bias = getattr(module, "bias", None)
        expected = module(given) if bias is None else module(given) - bias
        for centred in (True, False):
            kept = given - given.mean(-1, keepdim=True) if centred else given
            scale = (kept.square().mean(-1, keepdim=True) + epsilon).rsqrt()
            # Gemma keeps its weights around 0 and adds 1.
            for gain in (1.0,) if weight is None else (weight, 1 + weight):
                if close(kept * scale * gain, expected):
                    return cls(None, centred, (scale * gain).expand_as(given))
        return None

    def __call__(self, change: Tensor) -> Tensor:
        if self.module is not None:
            return nn.functional.linear(change, self.module.weight)
        if self.centred:
            change = change - change.mean(-1, keepdim=True)
        return change * self.gain


def _adds_attention(anatomy: Anatomy, call: BlockCall) -> bool:
    """Whether a block adds its attention's output to the residual as it is.

    A norm does not see the scale of what it reads. Where the attention adds many times the residual
    in the middle of the block, that residual is scaled, the MLP answers the same as before, and the
    whole of what was added arrives at the end of the block; behind a norm it does not.
    """
    if anatomy.parallel:
        return True
    middle = call.input + call.attention[0]
    output = run_block_with_attention(anatomy, call, call.attention[0] + _SCALE * middle)
    arrived = (output - call.output) / _SCALE
    return bool((arrived - middle).norm() <= _TOLERANCE * middle.norm())
