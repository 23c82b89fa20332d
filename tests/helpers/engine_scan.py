"""Run the engine over every layer and stack what it yields, for comparison with a reference."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from circuit_scaling.interventions.engine import Ablation, Batch, scan_layers
from circuit_scaling.models.loading import anatomy_of
from tests.helpers.hook_oracle import Prompts


def batch_of(prompts: Prompts) -> Batch:
    """The same prompts as the engine takes them."""
    return Batch(
        tokens=prompts.tokens,
        answers=prompts.answers,
        distractors=prompts.distractors,
        candidates=prompts.candidates,
        groups=prompts.groups,
        reference_tokens=prompts.reference_tokens,
        reference_groups=prompts.reference_groups,
    )


def anatomy_of_copy(model: PreTrainedModel) -> Any:
    """The engine's view of a private copy of `model`."""
    return anatomy_of(copy.deepcopy(model))


def engine_effects(
    anatomy: Any,
    prompts: Prompts,
    ablation: Ablation,
    readouts: Sequence[Any],
    chunk: int,
) -> dict[str, NDArray[np.float32]]:
    """Effects of every head, per readout [layers, heads, prompts]; layers must come in order."""
    batch = batch_of(prompts)
    scanned = list(scan_layers(anatomy, batch, ablation, readouts=tuple(readouts), chunk=chunk))
    assert [layer_effects.layer for layer_effects in scanned] == list(range(len(scanned)))
    return {
        name: np.stack([layer_effects.effects[name] for layer_effects in scanned])
        for name in readouts
    }
