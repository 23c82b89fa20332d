"""Scan one model: every head, task and kind of ablation, with uncertainty and provenance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.profiles import head_profiles
from circuit_scaling.measuring.scan.attributions import head_attributions
from circuit_scaling.measuring.scan.bos import bos_effects
from circuit_scaling.measuring.scan.freshness import scan_fingerprint
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.measuring.shared.of_model import revision_of
from circuit_scaling.measuring.shared.opened import Work, opened
from circuit_scaling.measuring.shared.rows import layers_and_heads
from circuit_scaling.models.loading import load_tokenizer
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.spec import Tasks
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.tables.scan import (
    BOS_EFFECTS,
    COMPETENCE,
    HEAD_ATTRIBUTIONS,
    HEAD_EFFECTS,
    HEAD_PROFILES,
)
from circuit_scaling.vocabulary import STUDY_TASKS


@dataclass(frozen=True)
class ScanTables:
    """The tables of one model's scan (schemas in ``tables/scan.py``)."""

    head_effects: pd.DataFrame
    head_attributions: pd.DataFrame
    head_profiles: pd.DataFrame
    competence: pd.DataFrame
    bos_effects: pd.DataFrame
    run_log: pd.DataFrame


def scan_model(
    entry: RosterEntry, tasks: Tasks, settings: ScanSettings, prompts: pd.DataFrame
) -> ScanTables:
    """Ablate every head of one model on every scanned task.

    Raises:
        CircuitScalingError: the model cannot be loaded, or an ablation has no reference set.
    """
    for name, named in (
        ("agreement_tasks", settings.agreement_tasks),
        ("bos_task", (settings.bos_task,) if settings.bos_task else ()),
    ):
        if unknown := sorted(set(named) - set(tasks.scanned())):
            raise CircuitScalingError(
                f"scan.{name} names {', '.join(unknown)}, which is not scanned. There are: "
                f"{', '.join(tasks.scanned())}."
            )
    ablated = sum(len(settings.kinds(task)) for task in tasks.scanned())
    ablated += settings.bos_task is not None
    work = Work(
        stage="scan",
        total=ablated * entry.n_layers * entry.n_heads,
        fingerprint=scan_fingerprint(entry, tasks, settings, prompts),
    )
    with opened(entry, settings, prompts, work) as model:
        measured = [
            Measurement(model.anatomy, name, spec, settings, prompts, model.chunk)
            for name, spec in tasks.scanned().items()
        ]
        effects = pd.concat(
            [rows for m in measured for rows in m.head_effects(model.progress)], ignore_index=True
        )
        effects["q"] = _q_column(effects, settings)
        bos_table = [
            bos_effects(
                m, _primary_rows(effects, m, settings), _bos_token(entry, prompts), model.progress
            )
            for m in measured
            if m.task == settings.bos_task
        ]
        competence = pd.DataFrame([m.competence() for m in measured])
        competence["competent"] = competence["competent"].astype("boolean")  # missing for controls
        return ScanTables(
            head_effects=model.table(HEAD_EFFECTS, [effects]),
            head_attributions=model.table(
                HEAD_ATTRIBUTIONS,
                head_attributions(model.anatomy, tasks, settings, prompts, model.chunk),
            ),
            head_profiles=model.table(
                HEAD_PROFILES, [_profiles(model.anatomy, prompts, settings.seed)]
            ),
            competence=model.table(COMPETENCE, [competence]),
            bos_effects=model.table(BOS_EFFECTS, bos_table),
            run_log=model.log(),
        )


def _q_column(effects: pd.DataFrame, settings: ScanSettings) -> NDArray[np.float64]:
    """Benjamini-Hochberg over the heads on IOI and anti-repeat under the primary ablation."""
    tested = (
        effects["task"].isin(STUDY_TASKS)
        & (effects["ablation"] == settings.primary.ablation)
        & (effects["positions"] == settings.primary.positions)
    ).to_numpy()
    q = np.full(len(effects), np.nan)
    if tested.any():
        q[tested] = q_values(effects["p"].to_numpy()[tested])
    return q


def _primary_rows(
    effects: pd.DataFrame, measured: Measurement, settings: ScanSettings
) -> pd.DataFrame:
    return effects[
        (effects["task"] == measured.task)
        & (effects["ablation"] == settings.primary.ablation)
        & (effects["positions"] == settings.primary.positions)
    ]


def _bos_token(entry: RosterEntry, prompts: pd.DataFrame) -> int:
    """The id of the model's BOS token.

    Raises:
        CircuitScalingError: its prompts are a chat, or its tokenizer has none.
    """
    token = None
    if entry.chat is None:
        token = load_tokenizer(entry, revision_of(prompts)).tokenizer.bos_token_id
    if token is None:
        why = "its tokenizer has no BOS" if entry.chat is None else "its prompts are a chat"
        raise CircuitScalingError(
            f"Model '{entry.slug}' cannot be measured with and without BOS: {why}. Set "
            "'scan.bos_task: null'."
        )
    return int(token)


def _profiles(anatomy: Anatomy, prompts: pd.DataFrame, seed: int) -> pd.DataFrame:
    vocabulary = np.unique(np.concatenate(prompts["candidates"].to_list())).astype(np.int64)
    scores = head_profiles(anatomy, vocabulary, seed)
    return pd.DataFrame(
        {
            **layers_and_heads(anatomy),
            **{name: values.ravel().astype(np.float64) for name, values in scores.items()},
        }
    )
