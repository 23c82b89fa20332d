"""Operations on heads (patching, sets, paths, attention) on a device against float32 on the CPU.

    python -m benchmarks.against_cpu --device cuda

Their exactness is a matter of the tests, against hooks, on a CPU; this is whether another device
gives the same numbers, and how fast it is.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.engine import random_batch
from benchmarks.measuring import Precision, Result, device_of, keep, multiplying_in, now, parser_of
from benchmarks.shapes import config_of, random_model
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.ablate_sets import ablate_sets
from circuit_scaling.interventions.operations.attention import attention_from_end
from circuit_scaling.interventions.operations.patch import patch_heads, patch_sets
from circuit_scaling.interventions.operations.path_patching import path_effects, path_estimates
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import Pairs
from circuit_scaling.models.architecture import anatomy_of

_SETS, _SET_SIZE, _SENDERS = 16, 3, 2

Operation = Callable[[Anatomy, Chunk], NDArray[np.float32]]


def against_cpu(
    shape: str, prompts: int, positions: int, precision: Precision, device: torch.device
) -> list[Result]:
    """For every operation: its seconds on the device, and how far it is from the CPU."""
    model = random_model(config_of(shape), torch.float32, torch.device("cpu"))
    reference = anatomy_of(copy.deepcopy(model))
    expected = {
        name: operation(reference, Chunk.of(reference))
        for name, operation in _operations(reference, prompts, positions).items()
    }
    results = []
    with multiplying_in(precision, device):
        anatomy = anatomy_of(model.to(device))
        chunk = Chunk.of(anatomy)
        for name, operation in _operations(anatomy, prompts, positions).items():
            operation(anatomy, chunk)  # the first call of anything on a GPU is slow
            start = now(device)
            found = operation(anatomy, chunk)
            seconds = now(device) - start
            results.append(
                {
                    "shape": shape,
                    "model": name,
                    "precision": precision,
                    "prompts": prompts,
                    "positions": positions,
                    "seconds": seconds,
                    "largest_difference": float(np.nanmax(np.abs(found - expected[name]))),
                    "typical": float(np.sqrt(np.nanmean(np.square(expected[name])))),
                }
            )
    return results


def _operations(anatomy: Anatomy, prompts: int, positions: int) -> dict[str, Operation]:
    """Every operation by name, on random prompts; the same for the same sizes."""
    batch = random_batch(anatomy.vocabulary, prompts, positions)
    rng = np.random.default_rng(1)
    corrupt = batch.tokens.copy()
    corrupt[:, positions // 2] = rng.integers(2, anatomy.vocabulary, prompts)
    pairs = Pairs(batch.tokens, corrupt, batch.answers, batch.distractors)
    every = anatomy.heads
    sets = [
        [every[i] for i in rng.choice(len(every), _SET_SIZE, replace=False)] for _ in range(_SETS)
    ]
    senders = [every[i] for i in rng.choice(anatomy.n_heads, _SENDERS, replace=False)]

    def patched(part: str, anatomy: Anatomy, chunk: Chunk) -> NDArray[np.float32]:
        found = patch_heads(anatomy, pairs, every, "denoising", part, chunk)  # type: ignore[arg-type]
        direct = found.total[:0] if found.direct is None else found.direct
        return np.concatenate([found.total, direct])

    def paths(anatomy: Anatomy, chunk: Chunk) -> NDArray[np.float32]:
        found = path_effects(anatomy, pairs, senders, chunk=chunk)
        return np.concatenate([np.vstack([path.logits, path.effects]) for path in found])

    return {
        "patch z": partial(patched, "z"),
        "patch v": partial(patched, "v"),
        "patch sets": lambda anatomy, chunk: patch_sets(anatomy, pairs, sets, "noising", chunk),
        "ablate sets": lambda anatomy, chunk: ablate_sets(
            anatomy, batch, sets, Ablation("zero"), ("contrast",), chunk
        )["contrast"],
        "paths": paths,
        "path estimates": lambda anatomy, chunk: path_estimates(anatomy, pairs, senders, chunk),
        "attention": lambda anatomy, chunk: attention_from_end(anatomy, batch.tokens, every, chunk),
    }


def main() -> None:
    """Measure every operation."""
    parser = parser_of(__doc__)
    parser.add_argument("--shape", default="tiny", help="a slug of the study, or tiny")
    options = parser.parse_args()
    device = device_of(options.device)
    for result in against_cpu(options.shape, 8, 12, "float32", device):
        keep(options.out, "against_cpu", device, result)


if __name__ == "__main__":
    main()
