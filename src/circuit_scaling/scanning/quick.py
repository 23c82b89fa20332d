"""``circuit_scaling.scan``: one task on one model, with the shipped configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.batch import Ablation
from circuit_scaling.interventions.chunk import Chunk
from circuit_scaling.models.loading import LoadedModel, load_any
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from circuit_scaling.scanning.attributions import attribution_scores
from circuit_scaling.scanning.measurement import Measurement
from circuit_scaling.scanning.spec import Intervention, ScanSettings
from circuit_scaling.statistics.testing import q_values

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_METHODS = ("exact", "attribution")


def quick_scan(
    model: str | PreTrainedModel,
    task: str,
    tokenizer: PreTrainedTokenizerBase | None,
    ablation: str,
    positions: str,
    n_prompts: int,
    bos: bool,
    method: str,
) -> pd.DataFrame:
    """See :func:`circuit_scaling.scan`."""
    tasks = shipped_tasks()
    if task not in tasks.scanned():
        raise CircuitScalingError(
            f"Unknown task '{task}'. There are: {', '.join(tasks.scanned())}."
        )
    if method not in _METHODS:
        raise CircuitScalingError(f"Unknown method '{method}'. There are: {', '.join(_METHODS)}.")
    spec = tasks.root[task]
    if method == "attribution" and spec.readout != "contrast":
        raise CircuitScalingError(
            f"Attribution is of the contrast, and '{task}' is read as {spec.readout}. "
            "Use method='exact'."
        )
    Ablation(ablation, positions)  # type: ignore[arg-type]  # refuses unknown words by name
    settings = ScanSettings(
        primary=Intervention(ablation=ablation, positions=positions),  # type: ignore[arg-type]
        ablations=(),
        positions=(),
        draws=2,
        n_boot=1000,
        n_flips=9999,
    )
    loaded = load_any(model, tokenizer)
    prompts, _ = build_prompts(
        tasks, PromptSettings(n_prompts=n_prompts), loaded.tokenizer, bos=bos
    )
    chunk = Chunk.of(loaded.anatomy)
    if method == "attribution":
        return _attributed(loaded, task, spec.reference, settings, prompts, chunk)
    measurement = Measurement(loaded.anatomy, task, spec, settings, prompts, chunk)
    effects = pd.concat(measurement.head_effects(), ignore_index=True)
    effects["q"] = q_values(effects["p"].to_numpy())
    columns = ["layer", "head", "delta", "se", "low", "high", "p", "q", "effects"]
    return effects[columns]


def _attributed(
    loaded: LoadedModel,
    task: str,
    reference: str,
    settings: ScanSettings,
    prompts: pd.DataFrame,
    chunk: Chunk,
) -> pd.DataFrame:
    scored = attribution_scores(loaded.anatomy, task, reference, settings, prompts, chunk)
    scores = scored[settings.primary]
    layers, heads = np.divmod(np.arange(len(scores)), loaded.anatomy.n_heads)
    return pd.DataFrame(
        {
            "layer": layers,
            "head": heads,
            "delta_attribution": scores.mean(axis=1, dtype=np.float64),
            "scores": list(scores),
        }
    )
