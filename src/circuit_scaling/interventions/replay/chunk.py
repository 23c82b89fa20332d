"""How much is replayed together: what is fast on this device and fits its memory."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.activations import fused_activations
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.blocks import run_block
from circuit_scaling.interventions.model.keys_and_values import copies_of
from circuit_scaling.interventions.model.memory import default_budget, is_out_of_memory, release
from circuit_scaling.interventions.replay.chunk_cache import Measured
from circuit_scaling.interventions.replay.clean import CleanRun

_PROBE_PROMPTS, _PROBE_POSITIONS = 64, 16
_GRAPH_PROMPTS = 64  # what a backward pass goes through together, at most
_SMALLEST, _LARGEST = 256, 2**20  # tokens
_PROBES, _PROBE_SECONDS = 3, 0.05
_GAIN = 1.01  # less is noise
_NEARLY = 0.97  # of the best rate
_PATIENCE = 2  # doublings in vain
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


def fastest_tokens(anatomy: Anatomy, limit: int) -> int:
    """Tokens per chunk that go through a block fastest here; measured once, then kept.

    What a memory of ``limit`` tokens has cut short is kept for such a memory alone.
    """
    if limit <= _SMALLEST:
        return limit
    cap = 2 ** int(math.log2(limit))
    settled, capped = Measured.of(anatomy), Measured.of(anatomy, cap)
    known = settled.load() or capped.load()
    if known is None:
        with fused_activations(anatomy.model):
            known, cut_short = _measure(anatomy, cap)
        (capped if cut_short else settled).store(known)
    return known


@torch.no_grad()
def _measure(anatomy: Anatomy, cap: int) -> tuple[int, bool]:
    """The chunk that is fastest, token by token; doubled until that brings nothing more.

    Of chunks that are nearly as fast, the largest: what is done around the blocks is then done less
    often.

    Returns:
        Its tokens, and whether memory ended the doubling.
    """
    rates: dict[int, float] = {}
    best_rate, in_vain = 0.0, 0
    tokens, out_of_memory = _SMALLEST, False
    while in_vain < _PATIENCE and tokens <= min(_LARGEST, cap) and not out_of_memory:
        try:
            rate = tokens / _seconds(anatomy, tokens)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            out_of_memory = True
            continue
        rates[tokens] = rate
        in_vain = 0 if rate > _GAIN * best_rate else in_vain + 1
        best_rate = max(best_rate, rate)
        tokens *= 2
    release(anatomy.device)
    best = max((n for n in rates if rates[n] >= _NEARLY * best_rate), default=_SMALLEST)
    return best, out_of_memory or cap < tokens <= _LARGEST and in_vain < _PATIENCE


def _seconds(anatomy: Anatomy, tokens: int) -> float:
    """Seconds for ``tokens`` tokens through the middle block, the best of a few."""
    positions = min(_PROBE_POSITIONS, anatomy.context or _PROBE_POSITIONS)
    prompts = max(1, min(_PROBE_PROMPTS, tokens // positions))
    generator = torch.Generator().manual_seed(0)
    shape = (prompts, positions)
    ids = torch.randint(anatomy.vocabulary, shape, generator=generator).to(anatomy.device)
    clean = CleanRun.of(anatomy, ids)
    residual = copies_of(clean.first, tokens // (prompts * positions))
    arguments = clean.arguments[anatomy.n_layers // 2]
    run_block(anatomy, arguments, residual)
    times: list[float] = []
    while len(times) < _PROBES or sum(times) < _PROBE_SECONDS:
        _synchronize(anatomy.device)
        started = time.perf_counter()
        run_block(anatomy, arguments, residual)
        _synchronize(anatomy.device)
        times.append(time.perf_counter() - started)
    return min(times)


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _readable(size: float) -> str:
    return f"{size / 2**30:.2g} GiB" if size >= 2**30 else f"{size / 2**20:.3g} MiB"
