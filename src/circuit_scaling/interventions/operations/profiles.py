"""Task-free scores of every head, from random repeated tokens and single tokens."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.interventions.model.anatomy import Anatomy, run_tail, run_unembed
from circuit_scaling.interventions.model.blocks import run_block, z_of
from circuit_scaling.interventions.operations.attention import attention_patterns
from circuit_scaling.interventions.replay.clean import CleanRun

Profiles = dict[str, NDArray[np.float32]]

_SEQUENCES, _PERIOD = 24, 12  # how many, and how many tokens before one repeats itself
_COPIED_TOKENS, _TOP = 96, 5
_ATTENTION_SCORES = ("previous_token", "duplicate_token", "induction", "attention_entropy")


@torch.no_grad()
def head_profiles(anatomy: Anatomy, vocabulary: NDArray[np.int64], seed: int = 0) -> Profiles:
    """Scores of all heads, float32 [layers, heads] each.

    On sequences of random tokens of ``vocabulary`` repeated once:

    * ``previous_token``: mean attention from a position to the one before it;
    * ``duplicate_token``: in the second half, to the same token in the first half;
    * ``induction``: in the second half, to the token after that one;
    * ``attention_entropy``: mean entropy of the pattern over the entropy of a uniform one (0..1);
    * ``output_norm``: mean norm of the head's output over the norm of the residual it enters.

    On single tokens, ``ov_copying``: the share of tokens whose own logit is among the top five
    when the head's OV circuit reads the token after the first block's MLP (Wang et al. 2022,
    arXiv 2211.00593, copy score).

    Args:
        vocabulary: int64 [n], the ids to draw from; with fewer than a period, periods are shorter.
        seed: of sequences and tokens.

    Raises:
        CircuitScalingError: the model's patterns cannot be had.
    """
    rng = np.random.default_rng(seed)
    period = min(_PERIOD, len(vocabulary))
    once = np.stack([rng.choice(vocabulary, period, replace=False) for _ in range(_SEQUENCES)])
    tokens = torch.from_numpy(np.tile(once, 2)).to(anatomy.device)
    patterns = attention_patterns(anatomy, tokens)
    scores: dict[str, list[Tensor]] = {name: [] for name in _ATTENTION_SCORES}
    for pattern in patterns:
        for name, score in _pattern_scores(pattern.float(), period).items():
            scores[name].append(score)
    norms = []
    for layer, call in enumerate(CleanRun.of(anatomy, tokens).calls()):
        written = torch.einsum("bphd,hdm->bphm", call.z, anatomy.w_o(layer)).float()
        residual = call.input.float().norm(dim=-1)[..., None]
        norms.append((written.norm(dim=-1) / residual).mean((0, 1)))
    sample = rng.choice(vocabulary, min(_COPIED_TOKENS, len(vocabulary)), replace=False)
    profiles = {name: torch.stack(values) for name, values in scores.items()}
    profiles["output_norm"] = torch.stack(norms)
    profiles["ov_copying"] = _ov_copying(anatomy, torch.from_numpy(sample).to(anatomy.device))
    return {name: values.cpu().numpy() for name, values in profiles.items()}


def _pattern_scores(pattern: Tensor, period: int) -> dict[str, Tensor]:
    """Scores [heads] of one layer's pattern [batch, heads, query, key]."""
    positions = pattern.shape[-1]
    second = torch.arange(period, positions, device=pattern.device)
    later = torch.arange(1, positions, device=pattern.device)
    entropy = -torch.special.xlogy(pattern, pattern).sum(-1)
    uniform = torch.arange(1, positions + 1, device=pattern.device).log()
    return {
        "previous_token": pattern[:, :, later, later - 1].mean((0, 2)),
        "duplicate_token": pattern[:, :, second, second - period].mean((0, 2)),
        "induction": pattern[:, :, second, second - period + 1].mean((0, 2)),
        "attention_entropy": (entropy[..., 1:] / uniform[1:]).mean((0, 2)),
    }


def _ov_copying(anatomy: Anatomy, tokens: Tensor) -> Tensor:
    """Copy score [layers, heads].

    In a sequence of one token attention can only look at that token, so that z is the head's
    value of it whatever the architecture: no weight has to be found or split by name.
    """
    alone = CleanRun.of(anatomy, tokens[:, None])
    after_first = run_block(anatomy, alone.arguments[0], alone.first)
    scores = []
    for layer, arguments in enumerate(alone.arguments):
        values = z_of(anatomy, arguments, after_first if layer else alone.first)
        written = torch.einsum("bphd,hdm->hbpm", values, anatomy.w_o(layer))
        logits = run_unembed(anatomy, run_tail(anatomy, written.flatten(0, 1)))[:, 0]
        top = logits.unflatten(0, (anatomy.n_heads, -1)).topk(_TOP, dim=-1).indices
        scores.append((top == tokens[None, :, None]).any(-1).float().mean(-1))
    return torch.stack(scores)
