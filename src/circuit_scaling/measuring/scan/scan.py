"""Scan one model: every head, every task, every intervention, with uncertainty and provenance."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.device import prepare_device
from circuit_scaling.interventions.model.memory import reset_peak
from circuit_scaling.interventions.operations.profiles import head_profiles
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.scan.attributions import head_attributions
from circuit_scaling.measuring.scan.freshness import revision_of, scan_fingerprint
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.measuring.shared.progress import Progress, no_progress
from circuit_scaling.measuring.shared.run_log import run_log
from circuit_scaling.models.loading import load_model
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.spec import Tasks
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.vocabulary import STUDY_TASKS


@dataclass(frozen=True)
class ScanTables:
    """The tables of one model's scan (schemas in ``tables/scan.py``)."""

    head_effects: pd.DataFrame
    head_attributions: pd.DataFrame
    head_profiles: pd.DataFrame
    competence: pd.DataFrame
    run_log: pd.DataFrame


def scan_model(
    slug: str,
    entry: RosterEntry,
    tasks: Tasks,
    settings: ScanSettings,
    prompts: pd.DataFrame,
    progress: Progress = no_progress,
) -> ScanTables:
    """Ablate every head of one model on every scanned task.

    Raises:
        CircuitScalingError: the model cannot be loaded, or an ablation has no reference set.
    """
    started = time.perf_counter()
    unknown = sorted(set(settings.agreement_tasks) - set(tasks.scanned()))
    if unknown:
        raise CircuitScalingError(
            f"scan.agreement_tasks names {', '.join(unknown)}, which is not scanned. There are: "
            f"{', '.join(tasks.scanned())}."
        )
    prepare_device(settings.precision)
    anatomy = load_model(slug, entry, settings.precision, revision_of(prompts))
    reset_peak(anatomy.device)
    chunk = Chunk.of(
        anatomy, None if settings.chunk == "auto" else settings.chunk, settings.max_memory
    )
    fingerprint = scan_fingerprint(entry, tasks, settings, prompts)
    measured = [
        Measurement(anatomy, task, spec, settings, prompts, chunk)
        for task, spec in tasks.scanned().items()
    ]
    effects = pd.concat(
        [rows for m in measured for rows in m.head_effects(progress)], ignore_index=True
    )
    effects["q"] = _q_column(effects, settings)
    effects = _of_model(effects, slug, entry).assign(fingerprint=fingerprint)
    competence = pd.DataFrame([m.competence() for m in measured])
    competence["competent"] = competence["competent"].astype("boolean")  # missing for controls
    return ScanTables(
        head_effects=effects[_EFFECT_ORDER],
        head_attributions=head_attributions(
            slug, entry, anatomy, tasks, settings, prompts, chunk, fingerprint
        ),
        head_profiles=_profiles(slug, entry, anatomy, prompts, settings, fingerprint),
        competence=_of_model(competence, slug, entry),
        run_log=run_log("scan", slug, anatomy, chunk, started, len(effects)),
    )


def _of_model(frame: pd.DataFrame, slug: str, entry: RosterEntry) -> pd.DataFrame:
    return frame.assign(family=entry.family, model=slug)[["family", "model", *frame.columns]]


_EFFECT_ORDER = [
    *("family", "model", "layer", "head", "task", "readout", "ablation", "positions"),
    *("delta", "se", "low", "high", "p", "q", "delta_logprob", "se_logprob"),
    *("n_prompts", "n_clusters", "n_layers", "n_heads", "clean_metric", "effects", "fingerprint"),
]


def _q_column(effects: pd.DataFrame, settings: ScanSettings) -> NDArray[np.float64]:
    """Benjamini-Hochberg over the heads on IOI and anti-repeat at the primary intervention."""
    tested = (
        effects["task"].isin(STUDY_TASKS)
        & (effects["ablation"] == settings.primary.ablation)
        & (effects["positions"] == settings.primary.positions)
    ).to_numpy()
    q = np.full(len(effects), np.nan)
    if tested.any():
        q[tested] = q_values(effects["p"].to_numpy()[tested])
    return q


def _profiles(
    slug: str,
    entry: RosterEntry,
    anatomy: Anatomy,
    prompts: pd.DataFrame,
    settings: ScanSettings,
    fingerprint: str,
) -> pd.DataFrame:
    vocabulary = np.unique(np.concatenate(prompts["candidates"].to_list())).astype(np.int64)
    scores = head_profiles(anatomy, vocabulary, settings.seed)
    layers, heads = np.indices((anatomy.n_layers, anatomy.n_heads))
    return pd.DataFrame(
        {
            "family": entry.family,
            "model": slug,
            "layer": layers.ravel(),
            "head": heads.ravel(),
            "n_layers": anatomy.n_layers,
            "n_heads": anatomy.n_heads,
            **{name: values.ravel().astype(np.float64) for name, values in scores.items()},
            "fingerprint": fingerprint,
        }
    )
