"""How much is replayed together: what fits the memory, and is fast on this device."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.memory import default_budget, release
from circuit_scaling.interventions.replay.clean import CleanRun
from circuit_scaling.interventions.replay.fastest_chunk import fastest_tokens

_GRAPH_PROMPTS = 64  # what a backward pass goes through together, at most
# Of the budget: ablated runs in flight, and what is kept of the clean run (keys and values, and
# calls that are not recomputed where they fit as well). The rest is for what rounding up to whole
# heads, donors, means and readouts take.
_IN_FLIGHT, _KEPT = 0.5, 0.25


@dataclass(frozen=True)
class Chunk:
    """How much goes through a block together.

    Attributes:
        tokens: heads x prompts x positions.
        limit: tokens in flight that fit the memory.
        kept: bytes for what is kept of a clean run.
        kept_per_token: bytes of a token's keys and values in all layers.
        budget: bytes beside the weights.
        device: where.
    """

    tokens: int
    limit: int
    kept: int
    kept_per_token: int
    budget: int
    device: torch.device

    @classmethod
    def of(
        cls, anatomy: Anatomy, tokens: int | None = None, max_memory: int | None = None
    ) -> Chunk:
        """The chunk for a model.

        Args:
            tokens: as many; by default what a short measurement on the device found fastest,
                which is kept for the next time.
            max_memory: bytes beside the weights; by default a share of what is free.

        Raises:
            CircuitScalingError: ``tokens`` is not positive.
        """
        if tokens is not None and tokens < 1:
            raise CircuitScalingError(
                f"A chunk of {tokens} tokens cannot be replayed: give 1 or more."
            )
        budget = default_budget(anatomy.device) if max_memory is None else max_memory
        limit = int(budget * _IN_FLIGHT / bytes_per_token(anatomy))
        wanted = tokens if tokens is not None else fastest_tokens(anatomy, limit)
        keys_and_values = 2 * anatomy.n_layers * anatomy.n_heads * anatomy.d_head
        return cls(
            tokens=min(wanted, max(limit, 1)),
            limit=limit,
            kept=int(budget * _KEPT),
            kept_per_token=keys_and_values * anatomy.dtype.itemsize,
            budget=budget,
            device=anatomy.device,
        )

    def prompts(self, n_prompts: int, positions: int) -> int:
        """How many prompts are scanned together.

        Raises:
            CircuitScalingError: the memory is too small for one head on one prompt.
        """
        kept = self.kept // (self.kept_per_token * positions)
        if self.limit < positions or not kept:
            in_flight = self.budget * positions / max(self.limit, 1)
            needed = max(in_flight, self.kept_per_token * positions / _KEPT)
            raise CircuitScalingError(
                f"max_memory of {_readable(self.budget)} is too small for one head on one prompt "
                f"of {positions} tokens: it needs about {_readable(needed)}. Give more memory, or "
                "load the weights in 16 bits (precision: bf16)."
            )
        return max(1, min(n_prompts, self.tokens // positions, kept))

    def holding(self, z: int) -> Chunk:
        """The same memory where z of all layers is held ``z`` times, beside keys and values."""
        return replace(self, kept_per_token=self.kept_per_token + z * self.kept_per_token // 2)

    def heads(self, n_prompts: int, positions: int) -> int:
        """How many heads are replayed together on so many prompts."""
        return max(1, self.tokens // (n_prompts * positions))

    def prompts_of_graph(self, anatomy: Anatomy, n_prompts: int, positions: int) -> int:
        """How many prompts may go through the model with everything kept for a backward pass."""
        fit = self.limit // (positions * anatomy.n_layers)
        return max(1, min(n_prompts, fit, _GRAPH_PROMPTS))

    def keeps_calls(self, anatomy: Anatomy, n_prompts: int, positions: int) -> bool:
        """Whether the clean calls of all layers may stay in memory instead of being recomputed."""
        width = 3 * anatomy.d_model + anatomy.n_heads * anatomy.d_head
        calls_per_token = anatomy.n_layers * width * anatomy.dtype.itemsize
        return n_prompts * positions * (calls_per_token + self.kept_per_token) <= self.kept

    def halved(self, positions: int) -> Chunk:
        """The next smaller chunk, after memory ran out.

        Raises:
            CircuitScalingError: this one was one head on one prompt already.
        """
        release(self.device)
        if self.tokens < 2 * positions:
            raise CircuitScalingError(
                f"The memory of the device is too small for one head on one prompt of {positions} "
                "tokens. Free some, use a larger device, or load the weights in 16 bits "
                "(precision: bf16)."
            )
        return replace(self, tokens=self.tokens // 2)


def bytes_per_token(anatomy: Anatomy) -> int:
    """An upper bound of what one token of an ablated run holds while it goes through a block.

    Everything that any module of a block puts out, as if nothing were freed, and the residuals,
    keys, values and queries around it.
    """
    widths: list[int] = []

    def count(_module: nn.Module, _args: object, output: object) -> None:
        if isinstance(output, Tensor):
            widths.append(output.numel() // max(1, output.shape[0] * output.shape[1]))

    block = anatomy.blocks[anatomy.n_layers // 2]
    leaves = [m for m in block.modules() if not list(m.children())]
    handles = [leaf.register_forward_hook(count) for leaf in leaves]
    try:
        CleanRun.of(anatomy, torch.zeros((1, 2), dtype=torch.long, device=anatomy.device))
    finally:
        for handle in handles:
            handle.remove()
    return (sum(widths) + 8 * anatomy.d_model) * anatomy.dtype.itemsize


def _readable(size: float) -> str:
    return f"{size / 2**30:.2g} GiB" if size >= 2**30 else f"{size / 2**20:.3g} MiB"
