"""Sets of heads ablated together: the engine against one hooked TransformerLens run per set.

Both zero the same random sets of the same random model at all positions and read the contrast at
the last one, on prompts of random tokens or on those of a task, which begin alike. They alternate
over groups of sets, so that a machine that slows down slows both.
"""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmarks.against_hooks import Effects, Hooks
from benchmarks.engine import ZERO, random_batch
from benchmarks.flops import sizes_of
from benchmarks.measuring import Result, device_of, keep, multiplying_in, now, parser_of
from benchmarks.prefixes import built
from benchmarks.shapes import config_of, random_model
from circuit_scaling.interventions.operations.ablate_sets import ablate_sets
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.models.architecture import anatomy_of


def hooked_set(hooks: Hooks, heads: list[Head]) -> Effects:
    """Contrasts [prompts] of one run in which all ``heads`` give zero."""

    def zero(z: Tensor, hook: object, of_layer: list[int]) -> Tensor:
        z[:, :, of_layer] = 0.0
        return z

    by_layer: dict[int, list[int]] = {}
    for layer, head in heads:
        by_layer.setdefault(layer, []).append(head)
    fwd_hooks = [
        (f"blocks.{layer}.attn.hook_z", partial(zero, of_layer=of_layer))
        for layer, of_layer in by_layer.items()
    ]
    logits = hooks.bridge.run_with_hooks(hooks.tokens, fwd_hooks=fwd_hooks)
    contrasts: Effects = hooks.contrast(logits).cpu().numpy()
    return contrasts


@torch.no_grad()
def sets_against_hooks(
    shape: str,
    prompts: int,
    asked: int | str,
    n_sets: int,
    k: int,
    device: torch.device,
    groups: int = 2,
) -> Result:
    """Seconds of both roads in float32, their ratio, and the largest difference.

    Args:
        asked: prompts of so many random tokens, or those of a shipped task.
    """
    model = random_model(config_of(shape), torch.float32, device)
    vocabulary = model.config.vocab_size
    batches = (
        built(asked, prompts, vocabulary)
        if isinstance(asked, str)
        else [random_batch(vocabulary, prompts, asked)]
    )
    sizes = sizes_of(model)
    rng = np.random.default_rng(0)
    heads = [(layer, head) for layer in range(sizes.n_layers) for head in range(sizes.n_heads)]
    sets = [[heads[i] for i in sorted(rng.permutation(len(heads))[:k])] for _ in range(n_sets)]
    seconds = {"engine": 0.0, "hook_loop": 0.0}
    differences, squares = [], []
    with multiplying_in("float32", device):
        anatomy = anatomy_of(model)
        chunk = Chunk.of(anatomy)
        # The first call is slower.
        ablate_sets(anatomy, batches[0], sets[:1], ZERO, ("contrast",), chunk)
        for batch in batches:
            hooks = Hooks(copy.deepcopy(model), batch)
            for group in range(groups):
                start = now(device)
                found = ablate_sets(anatomy, batch, sets[group::groups], ZERO, ("contrast",), chunk)
                seconds["engine"] += now(device) - start
                start = now(device)
                hooked = np.stack([hooked_set(hooks, chosen) for chosen in sets[group::groups]])
                seconds["hook_loop"] += now(device) - start
                differences.append(float(np.abs(found["contrast"] - hooked).max()))
                squares.append(np.square(hooked - hooks.clean.cpu().numpy()).ravel())
    return {
        "shape": shape,
        "prompts": prompts,
        "positions": None if isinstance(asked, str) else asked,
        "task": asked if isinstance(asked, str) else None,
        "precision": "float32",
        "sets": n_sets,
        "heads": k,
        "chunk_tokens": chunk.tokens,
        "seconds": seconds,
        "ratio": seconds["hook_loop"] / seconds["engine"],
        "largest_difference": max(differences),
        "typical_effect": float(np.sqrt(np.mean(np.concatenate(squares)))),
    }


def main() -> None:
    """Measure one shape."""
    parser = parser_of(__doc__)
    parser.add_argument("--shape", default="gpt2", help="a slug of the study, or tiny")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--positions", type=int, default=16, help="of random tokens")
    parser.add_argument("--task", help="prompts of a shipped task in their place")
    parser.add_argument("--sets", type=int, default=32)
    parser.add_argument("--heads", type=int, default=3, help="heads per set")
    options = parser.parse_args()
    device = device_of(options.device)
    result = sets_against_hooks(
        *(options.shape, options.prompts, options.task or options.positions),
        *(options.sets, options.heads, device),
    )
    keep(options.out, "sets", device, result)


if __name__ == "__main__":
    main()
