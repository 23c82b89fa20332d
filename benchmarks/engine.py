"""The one place where the benchmarks call the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import now
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.ablate_heads import scan_layers
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk

ZERO = Ablation("zero")


@dataclass(frozen=True)
class TimedLayer:
    """All heads of one layer: seconds spent on them, and effects, float32 [heads, prompts]."""

    layer: int
    seconds: float
    effects: NDArray[np.float32]


def random_batch(vocabulary: int, prompts: int, positions: int, seed: int = 0) -> Batch:
    """Prompts of random tokens, with one answer and one distractor each."""
    rng = np.random.default_rng(seed)
    # Token 1 pads in OPT, where its embedding is special.
    tokens = rng.integers(2, vocabulary, size=(prompts, positions))
    pairs = np.stack([rng.choice(vocabulary, size=2, replace=False) for _ in range(prompts)])
    return Batch(
        tokens=tokens,
        answers=pairs[:, :1].tolist(),
        distractors=pairs[:, 1:].tolist(),
        candidates=pairs.tolist(),
        groups=np.zeros(prompts, dtype=np.int64),
    )


def timed_layers(anatomy: Anatomy, batch: Batch, chunk: Chunk) -> Iterator[TimedLayer]:
    """Zero every head at all positions and read the contrast, layer by layer.

    What the caller does between two layers is not counted. The sum is the time of the scan; a
    single layer also has the clean run, if it is the first, and heads of later layers that were
    replayed with its own. A layer that comes in several pieces of prompts is given when complete.
    """
    prompts = len(batch.tokens)
    seconds = np.zeros(anatomy.n_layers)
    missing = np.full(anatomy.n_layers, prompts)
    effects = np.empty((anatomy.n_layers, anatomy.n_heads, prompts), dtype=np.float32)
    start = now(anatomy.device)
    for piece in scan_layers(anatomy, batch, ZERO, ("contrast",), chunk):
        seconds[piece.layer] += now(anatomy.device) - start
        effects[piece.layer][:, piece.rows] = piece.effects["contrast"]
        missing[piece.layer] -= piece.effects["contrast"].shape[1]
        if missing[piece.layer] == 0:
            yield TimedLayer(piece.layer, float(seconds[piece.layer]), effects[piece.layer])
        start = now(anatomy.device)


def engine_effects(anatomy: Anatomy, batch: Batch, chunk: Chunk) -> NDArray[np.float32]:
    """Effects of zeroing every head on the contrast, float32 [layers, heads, prompts]."""
    layers = sorted(timed_layers(anatomy, batch, chunk), key=lambda timed: timed.layer)
    return np.stack([timed.effects for timed in layers])
