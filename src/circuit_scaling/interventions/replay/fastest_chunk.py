"""The chunk that goes through a block fastest on this device: measured once, then kept."""

from __future__ import annotations

import math
import time

import torch

from circuit_scaling.interventions.model.activations import fused_activations
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.blocks import run_block
from circuit_scaling.interventions.model.keys_and_values import copies_of
from circuit_scaling.interventions.model.memory import is_out_of_memory, release
from circuit_scaling.interventions.replay.chunk_cache import Measured
from circuit_scaling.interventions.replay.clean import CleanRun

_PROBE_PROMPTS, _PROBE_POSITIONS = 64, 16  # as the prompts of a scan mostly are
_SMALLEST, _LARGEST = 256, 2**20  # tokens
_PROBES, _PROBE_SECONDS = 3, 0.01  # of one chunk: at least so many, and for so long
_GAIN = 1.01  # less is noise
_NEARLY = 0.97  # of the best rate
_PATIENCE = 2  # doublings in vain


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
