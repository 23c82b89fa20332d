"""The engine, a TransformerLens hook loop and its patching helper, side by side in one run.

All three zero each head of the same random model at all positions and read the contrast at the
last one. They alternate layer by layer, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from statistics import median

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformer_lens import ActivationCache
from transformer_lens.model_bridge import TransformerBridge
from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module
from transformer_lens.patching import get_act_patch_attn_head_out_all_pos
from transformers import PreTrainedModel

from benchmarks.engine import random_batch, timed_layers
from benchmarks.flops import sizes_of
from benchmarks.matmul_rate import matmul_rate
from benchmarks.measuring import (
    PRECISIONS,
    Precision,
    Result,
    allocated_gb,
    device_of,
    keep,
    multiplying_in,
    now,
    parser_of,
    weights_dtype,
)
from benchmarks.shapes import config_of, random_model
from circuit_scaling.interventions.model.memory import peak_memory, reset_peak
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.models.architecture import anatomy_of
from circuit_scaling.plan.operations import scan_operations

Effects = NDArray[np.float32]


class Hooks:
    """What a researcher does today: one hooked forward per head. Needs a model of its own."""

    def __init__(self, model: PreTrainedModel, batch: Batch) -> None:
        self.bridge: TransformerBridge = build_bridge_from_module(
            model, type(model).__name__, hf_config=model.config
        )
        self.bridge.eval()
        self.tokens = torch.from_numpy(batch.tokens).to(model.device)
        self.rows = torch.arange(len(batch.tokens), device=model.device)
        self.answers = torch.tensor(batch.answers, device=model.device)[:, 0]
        self.distractors = torch.tensor(batch.distractors, device=model.device)[:, 0]
        self.n_heads = int(self.bridge.cfg.n_heads)
        self.d_head = model.config.hidden_size // self.n_heads
        self.dtype = model.dtype
        self.clean = self.contrast(self.bridge(self.tokens))

    def contrast(self, logits: Tensor) -> Tensor:
        """Logit of the answer minus logit of the distractor, at the last position."""
        last = logits[:, -1].float()
        return last[self.rows, self.answers] - last[self.rows, self.distractors]

    def hook_loop(self, layer: int) -> Effects:
        """``run_with_hooks`` on ``hook_z``, once per head, float32 [heads, prompts]."""
        contrasts = []
        for head in range(self.n_heads):

            def zero(z: Tensor, hook: object, head: int = head) -> Tensor:
                z[:, :, head] = 0.0
                return z

            logits = self.bridge.run_with_hooks(
                self.tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", zero)]
            )
            contrasts.append(self.contrast(logits))
        return self._effects(torch.stack(contrasts))

    def patching_helper(self, layer: int) -> Effects:
        """``transformer_lens.patching``, with zeros as the run that is patched in."""
        shape = (*self.tokens.shape, self.n_heads, self.d_head)
        zeros = torch.zeros(shape, device=self.tokens.device, dtype=self.dtype)
        cache = ActivationCache({f"blocks.{layer}.attn.hook_z": zeros}, self.bridge)
        with redirect_stderr(io.StringIO()):  # its progress bar
            patched = get_act_patch_attn_head_out_all_pos(
                self.bridge,
                self.tokens,
                cache,
                self.contrast,
                index_axis_names=None,
                index_df=pd.DataFrame({"layer": layer, "head": range(self.n_heads)}),
                reduce="none",
            )
        return self._effects(patched.values)

    def _effects(self, contrasts: Tensor) -> Effects:
        effects: Effects = (contrasts - self.clean).cpu().numpy()
        return effects


@dataclass
class Road:
    """One way of measuring: seconds and effects by layer."""

    seconds: dict[int, float] = field(default_factory=dict)
    effects: dict[int, Effects] = field(default_factory=dict)


@dataclass(frozen=True)
class _Alternated:
    """All roads on one model.

    Attributes:
        roads: ``engine``, and the slow ones in some of the layers.
        rates: of matrix products, in operations per second: before, half-way and after.
        chunk_tokens: that the engine replayed together.
        peak_gb: of the engine, without the copy of the model that the slow roads have.
    """

    roads: dict[str, Road]
    rates: list[float]
    chunk_tokens: int
    peak_gb: float


@torch.no_grad()
def against_hooks(
    shape: str,
    prompts: int,
    positions: int,
    precision: Precision,
    device: torch.device,
    n_layers: int | None = None,
) -> Result:
    """Seconds of the three roads, their ratio, differences, and the share of the matmul rate.

    With ``n_layers`` the slow roads take only that many layers, evenly spread; their seconds are
    scaled to all layers, as a hooked forward costs the same in each.
    """
    model = random_model(config_of(shape), weights_dtype(precision), device)
    batch = random_batch(model.config.vocab_size, prompts, positions)
    sizes = sizes_of(model)
    compared = _spread(sizes.n_layers, n_layers)
    with multiplying_in(precision, device):
        measured = _alternated(model, batch, compared, precision)
    roads = measured.roads
    operations = scan_operations(sizes, prompts, positions)
    seconds = {
        name: sum(road.seconds.values()) * sizes.n_layers / len(road.seconds)
        for name, road in roads.items()
    }
    flops = median(measured.rates)
    others = [name for name in roads if name != "engine"]
    return {
        "shape": shape,
        "prompts": prompts,
        "positions": positions,
        "precision": precision,
        "heads": sizes.n_heads * sizes.n_layers,
        "chunk_tokens": measured.chunk_tokens,
        "layers": compared,
        "n_layers": sizes.n_layers,
        "seconds": seconds,
        "seconds_by_layer": {
            name: [road.seconds[i] for i in compared] for name, road in roads.items()
        },
        "ratio": {name: seconds[name] / seconds["engine"] for name in others},
        "largest_difference": {name: _largest(roads["engine"], roads[name]) for name in others},
        "typical_effect": float(
            np.sqrt(np.mean(np.square([*roads["hook_loop"].effects.values()])))
        ),
        "matmul_flops": flops,
        "matmul_spread": [min(measured.rates), max(measured.rates)],
        "tflop": operations / 1e12,
        "share_of_matmul": operations / seconds["engine"] / flops,
        "engine_peak_gb": measured.peak_gb,
    }


def _alternated(
    model: PreTrainedModel, batch: Batch, compared: list[int], precision: Precision
) -> _Alternated:
    """Go up the model once: the engine in every layer, and behind it the others where compared."""
    device = model.device
    rows = (batch.tokens.size, 2 * batch.tokens.size)

    def rate() -> float:
        return float(matmul_rate(precision, device, model.config.hidden_size, rows)["flops"])

    anatomy = anatomy_of(model)
    alone = allocated_gb(device)
    hooks = Hooks(copy.deepcopy(model), batch)
    beside = allocated_gb(device) - alone
    others: dict[str, Callable[[int], Effects]] = {
        "hook_loop": hooks.hook_loop,
        "patching_helper": hooks.patching_helper,
    }
    roads = {name: Road() for name in ("engine", *others)}
    rates = [rate()]
    chunk = Chunk.of(anatomy)
    next(timed_layers(anatomy, batch, chunk))  # the first call of anything is slower
    peak = 0.0
    reset_peak(device)
    for timed in timed_layers(anatomy, batch, chunk):
        peak = max(peak, peak_memory(device) / 1e9 - beside)
        roads["engine"].seconds[timed.layer] = timed.seconds
        roads["engine"].effects[timed.layer] = timed.effects
        if timed.layer in compared:
            for name, road in others.items():
                start = now(device)
                roads[name].effects[timed.layer] = road(timed.layer)
                roads[name].seconds[timed.layer] = now(device) - start
        if timed.layer == compared[len(compared) // 2]:
            rates.append(rate())
        reset_peak(device)
    rates.append(rate())
    return _Alternated(roads, rates, chunk.tokens, peak)


def _spread(n_layers: int, wanted: int | None) -> list[int]:
    """All layers, or some of them: first, last and evenly spread between."""
    if wanted is None or wanted >= n_layers:
        return list(range(n_layers))
    return sorted({int(i) for i in np.linspace(0, n_layers - 1, wanted).round()})


def _largest(engine: Road, other: Road) -> float:
    return max(float(np.abs(engine.effects[i] - other.effects[i]).max()) for i in other.effects)


def main() -> None:
    """Measure one shape in one precision."""
    parser = parser_of(__doc__)
    parser.add_argument("--shape", default="gpt2", help="a slug of the study, or tiny")
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--positions", type=int, default=16)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--layers", type=int, help="how many layers the slow roads take")
    options = parser.parse_args()
    device = device_of(options.device)
    result = against_hooks(
        options.shape,
        options.prompts,
        options.positions,
        options.precision,
        device,
        options.layers,
    )
    keep(options.out, "against_hooks", device, result)


if __name__ == "__main__":
    main()
