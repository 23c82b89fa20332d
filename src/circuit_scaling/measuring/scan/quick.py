"""``circuit_scaling.scan``: tasks on one model, with the settings of the package."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from circuit_scaling.errors import CircuitScalingError, IncompetentModelWarning
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings, SettleSettings
from circuit_scaling.measuring.scan.settling import Settling, settle
from circuit_scaling.measuring.shared.asked_tasks import AskedTask, asked_tasks
from circuit_scaling.measuring.shared.progress import no_progress
from circuit_scaling.measuring.shared.rows import layers_and_heads
from circuit_scaling.measuring.shared.unlisted import (
    OpenedUnlisted,
    Unlisted,
    opened_unlisted,
)
from circuit_scaling.prompts.spec import TaskSpec
from circuit_scaling.statistics.significance import q_values

_TOLD = ("clean_metric", "accuracy", "competent")
_EXACT = ("layer", "head", "delta", "se", "low", "high", "p", "q", "effects")
_METHODS = ("exact", "settled", "attribution")


def quick_scan(
    asked: Unlisted,
    task: AskedTask | Sequence[AskedTask],
    kind: tuple[str, str],
    n_prompts: int,
    method: str,
    tau: float,
) -> pd.DataFrame:
    """See :func:`circuit_scaling.scan`."""
    tasks = asked_tasks(task)
    specs = tasks.specs
    if method not in _METHODS:
        raise CircuitScalingError(f"Unknown method '{method}'. There are: {', '.join(_METHODS)}.")
    if not 0 < tau < np.inf:
        raise CircuitScalingError(f"tau must be above 0, not {tau}: every head would be strong.")
    for name, spec in specs.items():
        if method != "exact" and spec.readout != "contrast":
            raise CircuitScalingError(
                f"Attribution is of the contrast, and '{name}' is read as {spec.readout}. "
                "Use method='exact'."
            )
    settings = settings_of(kind)
    if method == "settled":
        settle = SettleSettings(tasks=tuple(specs), tau=tau)
        settings = settings.model_copy(update={"until": "resolved", "settle": settle})
    with opened_unlisted(asked, tasks.built, n_prompts) as model:
        measured = measurements(model, specs, settings)
        can = {name: of_task.competence() for name, of_task in measured.items()}
        made = {"exact": _measured, "settled": _settled, "attribution": _attributed}[method]
        tables = {name: made(of_task) for name, of_task in measured.items()}
        answered = [name for name in specs if measured[name].answered]
    warn_of_incompetence(can, model.bos)
    if isinstance(task, str | Path | Mapping):
        (only,) = specs
        table = tables[only]
        table.attrs = {name: can[only][name] for name in _TOLD if only in answered}
    else:
        for name, of_task in tables.items():
            of_task.insert(0, "task", name)
        table = pd.concat(tables.values(), ignore_index=True)
        table.attrs = {key: {name: can[name][key] for name in answered} for key in _TOLD}
    table.attrs["bos"] = model.bos
    return table


def settings_of(kind: tuple[str, str]) -> ScanSettings:
    """The settings of a scan of one kind of ablation.

    Raises:
        CircuitScalingError: an unknown ablation or unknown positions.
    """
    ablation, positions = kind
    Ablation(ablation, positions)  # type: ignore[arg-type]  # refuses unknown words by name
    primary = AblationKind(ablation=ablation, positions=positions)  # type: ignore[arg-type]
    return ScanSettings(primary=primary, ablations=(), positions=(), draws=2)


def measurements(
    model: OpenedUnlisted, specs: Mapping[str, TaskSpec], settings: ScanSettings
) -> dict[str, Measurement]:
    """What is measured of each task; nothing is yet."""
    return {
        name: Measurement(model.anatomy, name, spec, settings, model.prompts, model.chunk)
        for name, spec in specs.items()
    }


def warn_of_incompetence(can: Mapping[str, Mapping[str, object]], bos: bool) -> None:
    """Warn whoever called a function of the package of each task that the model does not do."""
    for task, competence in can.items():
        if competence["competent"] is False:
            warnings.warn(
                f"The model is not competent on '{task}': the 95 % interval of its clean metric, "
                f"{competence['low']:.2f} to {competence['high']:.2f}, does not lie above 0 (the "
                f"answer is the likelier one on {competence['accuracy']:.0%} of the prompts"
                f"{', which begin with BOS' if bos else ''}). What its heads do on "
                "these prompts is not that job.",
                IncompetentModelWarning,
                stacklevel=4,
            )


def _measured(measurement: Measurement) -> pd.DataFrame:
    effects = pd.concat(measurement.head_effects(), ignore_index=True)
    effects["q"] = q_values(effects["p"].to_numpy())
    return effects[[*_EXACT]]


def _settled(measurement: Measurement) -> pd.DataFrame:
    settling = Settling(measurement)
    settle(measurement.task, [settling], None, no_progress)
    effects = pd.concat(settling.rows(), ignore_index=True)
    effects["q"] = q_values(effects["p"].to_numpy())
    effects["settled"] = effects["settled"].astype(bool)
    return effects[[*_EXACT[:-1], "n_prompts", "settled", _EXACT[-1]]]


def _attributed(of: Measurement) -> pd.DataFrame:
    scores = of.attributions[of.settings.primary]
    return pd.DataFrame(
        {
            **layers_and_heads(of.anatomy),
            "delta_attribution": scores.mean(axis=1, dtype=np.float64),
            "scores": list(scores),
        }
    )
