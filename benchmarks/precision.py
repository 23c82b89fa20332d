"""The error that float32, TF32 and bfloat16 weights make, against the same model in float64.

The reference is not the engine: it is one plain forward in float64 per head, with the head's slice
of the output projection's input set to zero.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.engine import engine_effects, random_batch
from benchmarks.measuring import (
    PRECISIONS,
    Result,
    device_of,
    keep,
    multiplying_in,
    parser_of,
    weights_dtype,
)
from benchmarks.shapes import config_of, random_model
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.models.architecture import anatomy_of

_HEADS_PER_LAYER = 3


def precision(shape: str, prompts: int, positions: int, device: torch.device) -> list[Result]:
    """For every precision that the device has, the differences from float64."""
    model = random_model(config_of(shape), torch.float32, device)
    batch = random_batch(model.config.vocab_size, prompts, positions)
    exact = anatomy_of(copy.deepcopy(model).double())
    heads = sorted({int(h) for h in np.linspace(0, exact.n_heads - 1, _HEADS_PER_LAYER)})
    reference = _reference(exact, batch, heads)
    del exact
    results = []
    for name in PRECISIONS:
        if name == "tf32" and device.type != "cuda":
            continue
        with multiplying_in(name, device):
            anatomy = anatomy_of(copy.deepcopy(model).to(weights_dtype(name)))
            difference = engine_effects(anatomy, batch, Chunk.of(anatomy))[:, heads] - reference
        results.append(
            {
                "shape": shape,
                "prompts": prompts,
                "positions": positions,
                "precision": name,
                "heads": int(reference[..., 0].size),
                "largest": float(np.abs(difference).max()),
                "root_mean_square": _rms(difference),
                "largest_of_head_means": float(np.abs(difference.mean(-1)).max()),
                "typical_effect": _rms(reference),
            }
        )
    return results


@torch.no_grad()
def _reference(anatomy: Anatomy, batch: Batch, heads: Sequence[int]) -> NDArray[np.float64]:
    """Effects in float64, [layers, heads, prompts]."""
    tokens = torch.from_numpy(batch.tokens).to(anatomy.device)
    answers = torch.tensor(batch.answers, device=anatomy.device)
    distractors = torch.tensor(batch.distractors, device=anatomy.device)

    def contrast() -> Tensor:
        last = anatomy.model(input_ids=tokens, use_cache=False, logits_to_keep=1).logits[:, -1]
        contrasts: Tensor = (last.gather(1, answers) - last.gather(1, distractors))[:, 0]
        return contrasts

    clean = contrast()
    effects = []
    for projection in anatomy.projections:
        for head in heads:
            columns = slice(head * anatomy.d_head, (head + 1) * anatomy.d_head)

            def zero(_: nn.Module, args: tuple[Tensor], columns: slice = columns) -> tuple[Tensor]:
                z = args[0].clone()
                z[..., columns] = 0.0
                return (z,)

            handle = projection.register_forward_pre_hook(zero)
            effects.append(contrast() - clean)
            handle.remove()
    stacked = torch.stack(effects).reshape(anatomy.n_layers, len(heads), -1)
    result: NDArray[np.float64] = stacked.cpu().numpy()
    return result


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def main() -> None:
    """Measure the precisions of this device."""
    parser = parser_of(__doc__)
    parser.add_argument("--shape", default="gpt2", help="a slug of the study, or tiny")
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--positions", type=int, default=16)
    options = parser.parse_args()
    device = device_of(options.device)
    for result in precision(options.shape, options.prompts, options.positions, device):
        keep(options.out, "precision", device, result)


if __name__ == "__main__":
    main()
