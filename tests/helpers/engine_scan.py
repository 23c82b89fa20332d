"""Run the engine over every layer and stack what it yields, for comparison with a reference."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from circuit_scaling.interventions.operations.ablate_heads import LayerEffects, scan_layers
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.models.architecture import anatomy_of
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
    heads: NDArray[np.bool_] | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Effects of every head, per readout [layers, heads, prompts]; layers must come in order.

    `chunk` is in tokens: heads x prompts x positions that are replayed together; `heads` are
    those that are asked for, [layers, heads].
    """
    batch = batch_of(prompts)
    scan = scan_layers(
        anatomy,
        batch,
        ablation,
        tuple(readouts),
        Chunk.of(anatomy, chunk, max_memory=2**30),
        heads=heads,
    )
    return assembled(scan, anatomy, len(batch.tokens), readouts)


def assembled(
    scan: Iterable[LayerEffects], anatomy: Any, n_prompts: int, readouts: Sequence[Any]
) -> dict[str, NDArray[np.float32]]:
    """What one ablation's scan yields, put together; every effect must come exactly once."""
    shape = (anatomy.n_layers, anatomy.n_heads, n_prompts)
    effects = {name: np.full(shape, np.nan, np.float32) for name in readouts}
    following = {0: 0}  # first prompt -> the layer that must come next for these prompts
    for found in scan:
        assert found.layer == following.get(found.rows.start, 0)
        following[found.rows.start] = found.layer + 1
        for name in readouts:
            place = effects[name][found.layer, :, found.rows]
            assert np.isnan(place).all()
            assert found.effects[name].dtype == np.float32
            place[:] = found.effects[name]
    assert set(following.values()) == {anatomy.n_layers}
    return effects
