"""How far the engine is from the hook loop on one model, over everything that it can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.replacements import donor_indices
from tests.helpers.engine_scan import batch_of, engine_effects
from tests.helpers.hook_oracle import READOUTS, HookOracle
from tests.helpers.tiny_models import tiny_prompts

MODES = ("zero", "mean", "resample")
POSITIONS = ("all", "end")
DRAWS, SEED = 2, 5
# Tokens, for 5 prompts of 9: one head on some of the prompts, and everything at once.
CHUNKS = (30, 100_000)


@dataclass(frozen=True)
class Exactness:
    """Largest |engine - hook loop| over all heads, prompts, readouts, ablations and chunks."""

    difference: float
    largest_effect: float


def exactness(
    anatomy: Any, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, seed: int = 1
) -> Exactness:
    """Compare ``anatomy``, of a copy of ``model``, with the hook loop over another copy."""
    prompts = tiny_prompts(model, seed)
    oracle = HookOracle(model, tokenizer)
    difference = largest = 0.0
    for mode in MODES:
        for positions in POSITIONS:
            ablation = Ablation(mode, positions, DRAWS, SEED)
            donors = donor_indices(batch_of(prompts), DRAWS, SEED) if mode == "resample" else None
            expected = oracle.effects(prompts, mode, positions, donors)
            for chunk in CHUNKS:
                measured = engine_effects(anatomy, prompts, ablation, READOUTS, chunk)
                for name in READOUTS:
                    apart = np.abs(measured[name] - expected[name]).max()
                    difference = max(difference, float(apart))
            largest = max(largest, float(np.abs(expected["contrast"]).max()))
    return Exactness(difference, largest)
