"""v-patching and path patching: the engine against hooked TransformerLens runs, one per question.

Random model, random pairs of prompts. v-patching puts the values of one head from the source run
into the base run, for every head of some layers. Path patching goes from one head to q, k and v of
the heads of one later layer: a hooked run in which all other heads are frozen says what arrives,
and one run for each receiver what that does. Both roads answer the same questions and alternate.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.against_hooks import Effects, Hooks
from benchmarks.engine import random_batch
from benchmarks.flops import sizes_of
from benchmarks.measuring import Result, device_of, keep, multiplying_in, now, parser_of
from benchmarks.shapes import config_of, random_model
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.patch import patch_heads
from circuit_scaling.interventions.operations.path_patching import (
    CHANNELS,
    Receiver,
    path_effects,
)
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import Head, Pairs
from circuit_scaling.models.architecture import anatomy_of

Hook = tuple[str, Any]


class PatchingHooks(Hooks):
    """The same questions by hooks: one run for each, and those that say what is put in."""

    def patched_values(self, source: Tensor, heads: Sequence[Head]) -> Effects:
        """m(patched) - m(base) with each head's values from the source run, [heads, pairs]."""
        layers = sorted({layer for layer, _ in heads})
        names = [f"blocks.{layer}.attn.hook_v" for layer in layers]
        values = self._read(source, (), names)
        contrasts = [
            self._contrast([(name, partial(_put_head, values[name], head))])
            for layer, head in heads
            for name in [f"blocks.{layer}.attn.hook_v"]
        ]
        return self._effects(torch.stack(contrasts))

    def paths(self, source: Tensor, sender: Head, receivers: Sequence[Receiver]) -> Effects:
        """m with each receiver's input as the path makes it, minus m, [receivers, pairs]."""
        z = [f"blocks.{layer}.attn.hook_z" for layer in range(self.bridge.cfg.n_layers)]
        frozen = self._read(self.tokens, (), z)
        sent = self._read(source, (), [z[sender[0]]])[z[sender[0]]]
        frozen[z[sender[0]]][:, :, sender[1]] = sent[:, :, sender[1]]
        hooks = [(name, partial(_put, value)) for name, value in frozen.items()]
        inputs = sorted({f"blocks.{r.layer}.attn.hook_{r.channel}" for r in receivers})
        arrived = self._read(self.tokens, hooks, inputs)
        contrasts = [
            self._contrast([(name, partial(_put_head, arrived[name], receiver.head))])
            for receiver in receivers
            for name in [f"blocks.{receiver.layer}.attn.hook_{receiver.channel}"]
        ]
        return self._effects(torch.stack(contrasts))

    def _contrast(self, hooks: Sequence[Hook]) -> Tensor:
        return self.contrast(self.bridge.run_with_hooks(self.tokens, fwd_hooks=[*hooks]))

    def _read(
        self, tokens: Tensor, hooks: Sequence[Hook], names: Sequence[str]
    ) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}

        def kept(name: str, value: Tensor, hook: object) -> None:
            found[name] = value.clone()

        readers = [(name, partial(kept, name)) for name in names]
        self.bridge.run_with_hooks(tokens, fwd_hooks=[*hooks, *readers])
        return found


def _put(new: Tensor, value: Tensor, hook: object) -> Tensor:
    return new


def _put_head(new: Tensor, head: int, value: Tensor, hook: object) -> Tensor:
    value[:, :, head] = new[:, :, head]
    return value


@torch.no_grad()
def paths_against_hooks(
    shape: str, n_pairs: int, positions: int, device: torch.device, rounds: int = 2
) -> list[Result]:
    """Seconds of both roads in float32, their ratio, and the largest difference, by question."""
    model = random_model(config_of(shape), torch.float32, device)
    sizes, vocabulary = sizes_of(model), model.config.vocab_size
    batch = random_batch(vocabulary, n_pairs, positions)
    corrupt = np.random.default_rng(1).integers(0, vocabulary, batch.tokens.shape)
    pairs = Pairs(batch.tokens, corrupt, batch.answers, batch.distractors)
    early, late = sizes.n_layers // 3, 2 * sizes.n_layers // 3
    heads = [(layer, head) for layer in (early, late) for head in range(sizes.n_heads)]
    receivers = [Receiver(late, head, c) for head in range(sizes.n_heads) for c in CHANNELS]
    with multiplying_in("float32", device):
        anatomy = anatomy_of(model)
        chunk = Chunk.of(anatomy)
        hooks = PatchingHooks(copy.deepcopy(model), batch)
        source = torch.from_numpy(corrupt).to(device)
        roads = {
            "v-patching": (
                partial(_values, anatomy, pairs, heads, chunk),
                partial(hooks.patched_values, source, heads),
                len(heads),
            ),
            "path patching": (
                partial(_paths, anatomy, pairs, (early, 0), receivers, chunk),
                partial(hooks.paths, source, (early, 0), receivers),
                len(receivers),
            ),
        }
        results = []
        for question, (engine, hooked, asked) in roads.items():
            engine()  # the first call is slower
            seconds: dict[str, list[float]] = {"engine": [], "hook_loop": []}
            for _ in range(rounds):
                found, expected = (
                    _timed(road, device, seconds[name])
                    for name, road in (("engine", engine), ("hook_loop", hooked))
                )
            fastest = {name: min(times) for name, times in seconds.items()}
            results.append(
                {
                    "question": question,
                    "shape": shape,
                    "pairs": n_pairs,
                    "positions": positions,
                    "precision": "float32",
                    "asked": asked,
                    "chunk_tokens": chunk.tokens,
                    "seconds": fastest,
                    "ratio": fastest["hook_loop"] / fastest["engine"],
                    "largest_difference": float(np.abs(found - expected).max()),
                    "typical_effect": float(np.sqrt(np.mean(np.square(expected)))),
                }
            )
    return results


def _values(anatomy: Anatomy, pairs: Pairs, heads: Sequence[Head], chunk: Chunk) -> Effects:
    return patch_heads(anatomy, pairs, heads, "noising", "v", chunk).total


def _paths(
    anatomy: Anatomy, pairs: Pairs, sender: Head, receivers: Sequence[Receiver], chunk: Chunk
) -> Effects:
    (found,) = path_effects(anatomy, pairs, [sender], {sender: receivers}, chunk)
    return found.effects


def _timed(road: Any, device: torch.device, seconds: list[float]) -> Effects:
    start = now(device)
    found: Effects = road()
    seconds.append(now(device) - start)
    return found


def main() -> None:
    """Measure one shape."""
    parser = parser_of(__doc__)
    parser.add_argument("--shape", default="gpt2", help="a slug of the study, or tiny")
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--positions", type=int, default=16)
    options = parser.parse_args()
    device = device_of(options.device)
    for result in paths_against_hooks(options.shape, options.pairs, options.positions, device):
        keep(options.out, "paths", device, result)


if __name__ == "__main__":
    main()
