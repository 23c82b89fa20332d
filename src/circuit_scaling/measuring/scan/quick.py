"""``circuit_scaling.scan``: one task on one model, with the shipped configuration."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from circuit_scaling.errors import CircuitScalingError, IncompetentModelWarning
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.scan.attributions import attribution_scores
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.measuring.shared.opened import alone_on_device
from circuit_scaling.measuring.shared.rows import layers_and_heads
from circuit_scaling.models.bos import BosChoice
from circuit_scaling.models.loading import load_any
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from circuit_scaling.statistics.significance import q_values

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_TOLD = ("clean_metric", "accuracy", "competent")
_METHODS = ("exact", "attribution")


def quick_scan(
    model: str | Path | PreTrainedModel,
    task: str,
    tokenizer: PreTrainedTokenizerBase | None,
    kind: tuple[str, str],
    n_prompts: int,
    bos: BosChoice,
    method: str,
    untrained: bool,
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
    if not isinstance(n_prompts, int) or n_prompts < 1:
        raise CircuitScalingError(f"n_prompts is a whole number from 1 on, and not {n_prompts!r}.")
    ablation, positions = kind
    Ablation(ablation, positions)  # type: ignore[arg-type]  # refuses unknown words by name
    settings = ScanSettings(
        primary=AblationKind(ablation=ablation, positions=positions),  # type: ignore[arg-type]
        ablations=(),
        positions=(),
        draws=2,
    )
    with alone_on_device("float32"):
        loaded = load_any(model, tokenizer, bos, untrained)
        prompts, _ = build_prompts(
            tasks,
            PromptSettings(n_prompts=n_prompts),
            loaded.reads.tokenizer,
            prefix=loaded.reads.prefix,
        )
        chunk = Chunk.of(loaded.anatomy)
        measurement = Measurement(loaded.anatomy, task, spec, settings, prompts, chunk)
        competence = measurement.competence()
        if method == "attribution":
            table = _attributed(loaded.anatomy, task, spec.reference, settings, prompts, chunk)
        else:
            table = _measured(measurement)
    table.attrs = {"bos": bool(loaded.reads.prefix)} | {
        name: competence[name] for name in _TOLD if measurement.answered
    }
    if competence["competent"] is False:
        warnings.warn(
            f"The model is not competent on '{task}': the 95 % interval of its clean metric, "
            f"{competence['low']:.2f} to {competence['high']:.2f}, does not lie above 0 (the "
            f"answer is the likelier one on {competence['accuracy']:.0%} of the prompts"
            f"{', which begin with BOS' if loaded.reads.prefix else ''}). What its heads do on "
            "these prompts is not that job.",
            IncompetentModelWarning,
            stacklevel=3,
        )
    return table


def _measured(measurement: Measurement) -> pd.DataFrame:
    effects = pd.concat(measurement.head_effects(), ignore_index=True)
    effects["q"] = q_values(effects["p"].to_numpy())
    columns = ["layer", "head", "delta", "se", "low", "high", "p", "q", "effects"]
    return effects[columns]


def _attributed(
    anatomy: Anatomy,
    task: str,
    reference: str,
    settings: ScanSettings,
    prompts: pd.DataFrame,
    chunk: Chunk,
) -> pd.DataFrame:
    scored = attribution_scores(anatomy, task, reference, settings, prompts, chunk)
    scores = scored[settings.primary]
    return pd.DataFrame(
        {
            **layers_and_heads(anatomy),
            "delta_attribution": scores.mean(axis=1, dtype=np.float64),
            "scores": list(scores),
        }
    )
