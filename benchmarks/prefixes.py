"""Prompts as they are built, many of which begin alike, against a TransformerLens hook loop.

All three roads zero heads of the same random model at all positions and read the contrast: the
engine, the engine with prefixes replayed for every prompt, and one hooked run per head. They
alternate, one token length of prompts after the other, so that a machine that slows down slows all
of them; of each road and length the fastest of some rounds counts.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer

from benchmarks.against_hooks import Effects, Hooks
from benchmarks.engine import engine_effects
from benchmarks.flops import sizes_of
from benchmarks.measuring import (
    PRECISIONS,
    Precision,
    Result,
    device_of,
    keep,
    multiplying_in,
    now,
    parser_of,
    weights_dtype,
)
from benchmarks.shapes import config_of, random_model
from circuit_scaling.interventions.model.shared_prefixes import SharedPrefixes
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.shared.batches import batches_of
from circuit_scaling.models.architecture import anatomy_of
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings

# The shipped words are one token in every tokenizer of the study, so that this one of an embedded
# model gives prompts with the lengths and prefixes that GPT-2's gives.
_TOKENIZER = Path(__file__).parents[1] / "data" / "01_raw" / "zoo" / "mini_gpt2_s"


def built(task: str, n_prompts: int, vocabulary: int) -> list[Batch]:
    """The prompts of a shipped task, by token length, with ids folded into a vocabulary."""
    tokenizer = AutoTokenizer.from_pretrained(_TOKENIZER)
    settings = PromptSettings(n_prompts=n_prompts, data_seeds=1)
    prompts, _ = build_prompts(shipped_tasks(), settings, tokenizer)
    for column in ("tokens", "answer", "distractor", "candidates"):
        prompts[column] = [[token % vocabulary for token in ids] for ids in prompts[column]]
    return [batch for _, batch in batches_of(prompts, task, task)]


@torch.no_grad()
def prefixes_against_hooks(
    shape: str,
    task: str,
    n_prompts: int,
    precision: Precision,
    device: torch.device,
    n_layers: int = 3,
    rounds: int = 2,
) -> Result:
    """Seconds of the three roads, their ratios, and the largest differences.

    The hook loop takes ``n_layers`` layers, evenly spread; its seconds are scaled to all layers, as
    a hooked run costs the same in each.
    """
    model = random_model(config_of(shape), weights_dtype(precision), device)
    sizes = sizes_of(model)
    layers = np.linspace(0, sizes.n_layers - 1, n_layers).round().astype(int).tolist()
    batches = built(task, n_prompts, model.config.vocab_size)
    seconds: dict[str, float] = defaultdict(float)
    found: dict[str, list[Effects]] = defaultdict(list)  # in the layers that are compared
    with multiplying_in(precision, device):
        anatomy = anatomy_of(model)
        apart = replace(anatomy, shares_prefixes=False)
        chunk = Chunk.of(anatomy)
        engine_effects(anatomy, batches[0], chunk)  # the first call of anything is slower
        for batch in batches:
            hooks = Hooks(copy.deepcopy(model), batch)
            roads: dict[str, Callable[[], Effects]] = {
                "engine": partial(engine_effects, anatomy, batch, chunk),
                "every_prompt": partial(engine_effects, apart, batch, chunk),
                "hook_loop": partial(_hooked, hooks, layers),
            }
            for name, (fastest, effects) in _alternated(roads, rounds, device).items():
                seconds[name] += fastest
                found[name].append(effects if name == "hook_loop" else effects[layers])
    seconds["hook_loop"] *= sizes.n_layers / len(layers)
    effects_of = {name: np.concatenate(parts, axis=-1) for name, parts in found.items()}
    others = ("every_prompt", "hook_loop")
    return {
        "shape": shape,
        "task": task,
        "prompts": n_prompts,
        "precision": precision,
        "heads": sizes.n_heads * sizes.n_layers,
        "layers": layers,
        "n_layers": sizes.n_layers,
        "positions": sum(batch.tokens.size for batch in batches),
        "prefixes": sum(_prefixes(batch) for batch in batches),
        "rounds": rounds,
        "chunk_tokens": chunk.tokens,
        "seconds": dict(seconds),
        "ratio": {name: seconds[name] / seconds["engine"] for name in others},
        "largest_difference": {
            name: float(np.abs(effects_of[name] - effects_of["engine"]).max()) for name in others
        },
        "typical_effect": float(np.sqrt(np.mean(np.square(effects_of["hook_loop"])))),
    }


def _hooked(hooks: Hooks, layers: list[int]) -> Effects:
    """float32 [layers, heads, prompts]."""
    return np.stack([hooks.hook_loop(layer) for layer in layers])


def _alternated(
    roads: Mapping[str, Callable[[], Effects]], rounds: int, device: torch.device
) -> dict[str, tuple[float, Effects]]:
    """The fewest seconds of each road, and its effects."""
    took: dict[str, list[float]] = defaultdict(list)
    effects: dict[str, Effects] = {}
    for _ in range(rounds):
        for name, road in roads.items():
            start = now(device)
            effects[name] = road()
            took[name].append(now(device) - start)
    return {name: (min(took[name]), effects[name]) for name in roads}


def _prefixes(batch: Batch) -> int:
    alone = np.zeros(len(batch.tokens), dtype=np.int64)
    return len(SharedPrefixes.of(batch.tokens, alone, torch.device("cpu")))


def main() -> None:
    """Measure one task on one shape."""
    parser = parser_of(__doc__)
    parser.add_argument("--shape", default="gpt2", help="a slug of the study, or tiny")
    parser.add_argument("--task", default="ioi", help="a shipped task with one answer a prompt")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--layers", type=int, default=3, help="how many the hook loop takes")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    device = device_of(options.device)
    result = prefixes_against_hooks(
        *(options.shape, options.task, options.prompts, options.precision, device),
        *(options.layers, options.rounds),
    )
    keep(options.out, "prefixes", device, result)


if __name__ == "__main__":
    main()
