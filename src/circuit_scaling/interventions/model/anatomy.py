"""The parts of a causal language model that the engine needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.rounding import full_float32

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
            continue a clean prefix exactly, so that everything is replayed at all positions.
        shares_prefixes: blocks can be run on each distinct prefix of the prompts once.
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
    shares_prefixes: bool = False

    @property
    def n_layers(self) -> int:
        """Number of blocks."""
        return len(self.blocks)

    @property
    def heads(self) -> list[tuple[int, int]]:
        """Every (layer, head), layer by layer."""
        return [(layer, head) for layer in range(self.n_layers) for head in range(self.n_heads)]

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self.w_o(0).shape[-1])

    @property
    def vocabulary(self) -> int:
        """Number of tokens that the unembedding knows."""
        weight: Tensor = self.unembed.weight  # type: ignore[assignment]
        return int(weight.shape[0])

    @property
    def context(self) -> int | None:
        """Longest prompt that the model can read, where its configuration says so."""
        return context_of(self.model.config)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """What the residual stream is computed in."""
        weight: Tensor = self.projections[0].weight  # type: ignore[assignment]
        return weight.dtype

    def w_o(self, layer: int) -> Tensor:
        """The output projection of a layer by head, [n_heads, d_head, d_model]."""
        projection = self.projections[layer]
        weight: Tensor = projection.weight  # type: ignore[assignment]
        if isinstance(projection, nn.Linear):
            weight = weight.T  # Linear keeps [out, in], GPT-2's Conv1D [in, out]
        return weight.reshape(self.n_heads, self.d_head, -1)


def context_of(config: Any) -> int | None:
    """Longest prompt that a model of this configuration can read, where it says so."""
    limits = (getattr(config, name, None) for name in ("max_position_embeddings", "max_seq_len"))
    return next((int(limit) for limit in limits if limit is not None), None)


def probe_tokens(anatomy: Anatomy, prompts: int, positions: int) -> Tensor:
    """Prompts that prove something about a model, [prompts, positions]: always the same ones."""
    places = torch.arange(prompts * positions, device=anatomy.device)
    return (places.reshape(prompts, positions) * 7 + 3) % anatomy.vocabulary


def refusal(architecture: str, reason: str) -> CircuitScalingError:
    """The error for an architecture that does not follow the pattern of replay."""
    return CircuitScalingError(
        f"The engine cannot take the architecture {architecture}: {reason}. "
        "Remove the model from the roster, or teach the engine its pattern."
    )


def run_tail(anatomy: Anatomy, residual: Tensor) -> Tensor:
    """What the unembedding reads, [..., d], of a residual after the last block, [..., d_model]."""
    for module in anatomy.tail:
        residual = module(residual)
    return residual


def run_unembed(anatomy: Anatomy, hidden: Tensor) -> Tensor:
    """Logits, float32 [..., vocabulary], from what the unembedding reads, [..., d]."""
    logits: Tensor = anatomy.unembed(hidden)
    return anatomy.logits(logits).float()


def run_unembed_columns(anatomy: Anatomy, hidden: Tensor, columns: Tensor) -> Tensor:
    """Logits of some tokens only, always in full float32.

    A contrast is a small difference of large logits: to round them as TF32 does would cost more
    than everything before. The product is small.

    Args:
        hidden: [k, prompts, d], what the unembedding reads.
        columns: [prompts, n] token ids.

    Returns:
        [k, prompts, n].
    """
    weight: Tensor = anatomy.unembed.weight  # type: ignore[assignment]  # [vocabulary, d]
    bias: Tensor | None = getattr(anatomy.unembed, "bias", None)
    with full_float32():
        logits = torch.einsum("kpd,pnd->kpn", hidden.float(), weight[columns].float())
    if bias is not None:
        logits = logits + bias[columns].float()
    return anatomy.logits(logits)
