"""``circuit_scaling.scan``: one task on one model, with the shipped configuration."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from transformers import AutoConfig, PreTrainedModel, PreTrainedTokenizerBase

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.batch import Ablation
from circuit_scaling.models.loading import LoadedModel, anatomy_of, load_model
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from circuit_scaling.scanning.measurement import Measurement
from circuit_scaling.scanning.spec import Intervention, ScanSettings
from circuit_scaling.statistics.testing import q_values


def quick_scan(
    model: str | PreTrainedModel,
    task: str,
    tokenizer: PreTrainedTokenizerBase | None,
    ablation: str,
    positions: str,
    n_prompts: int,
    bos: bool,
) -> pd.DataFrame:
    """See :func:`circuit_scaling.scan`."""
    tasks = shipped_tasks()
    if task not in tasks.scanned():
        raise CircuitScalingError(
            f"Unknown task '{task}'. There are: {', '.join(tasks.scanned())}."
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
    loaded = _loaded(model, tokenizer)
    prompts, _ = build_prompts(
        tasks, PromptSettings(n_prompts=n_prompts), loaded.tokenizer, bos=bos
    )
    measurement = Measurement(loaded.anatomy, task, tasks.root[task], settings, prompts)
    effects = pd.concat(measurement.head_effects(), ignore_index=True)
    effects["q"] = q_values(effects["p"].to_numpy())
    columns = ["layer", "head", "delta", "se", "low", "high", "p", "q", "effects"]
    return effects[columns]


def _loaded(
    model: str | PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None
) -> LoadedModel:
    if not isinstance(model, str):
        if tokenizer is None:
            raise CircuitScalingError("Give the tokenizer of the model as well: tokenizer=...")
        return LoadedModel(anatomy_of(model), tokenizer)
    source = {"folder": model} if Path(model).is_dir() else {"hub": model}
    try:
        config = AutoConfig.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise CircuitScalingError(
            f"'{model}' is neither a folder with a model nor a model on the hub: {error}"
        ) from error
    entry = RosterEntry(
        family="",
        params_m=1.0,
        n_layers=config.num_hidden_layers,
        n_heads=config.num_attention_heads,
        **source,
    )
    return load_model(model, entry)
