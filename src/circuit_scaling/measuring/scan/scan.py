"""Scan one model: every head, task and kind of ablation, with uncertainty and provenance."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.scan.attributions import attribution_rows
from circuit_scaling.measuring.scan.bos import bos_effects
from circuit_scaling.measuring.scan.freshness import scan_fingerprint
from circuit_scaling.measuring.scan.kept_layers import KeptLayers
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.scan.profiles import profiles_of
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.measuring.scan.settling import Settling, settle
from circuit_scaling.measuring.shared.of_model import revision_of
from circuit_scaling.measuring.shared.opened import OpenedModel, Work, opened
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

_log = logging.getLogger(__name__)


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

    Where ``settings.keep_in`` names a folder, finished layers are kept in it and those of the same
    scan that was stopped are not scanned again. They stay there: whoever has stored the tables
    removes them.

    Raises:
        CircuitScalingError: ``agreement_tasks`` or ``bos_task`` name what is not scanned; the model
            cannot be loaded; an ablation has no reference set; results are not finite.
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
    with opened(entry, settings, prompts, work) as loaded:
        kept = KeptLayers.of(settings.kept_of(entry.slug), work.fingerprint, loaded.anatomy)
        model = _as_before(loaded, settings, kept)
        measured = [
            Measurement(model.anatomy, name, spec, settings, prompts, model.chunk, kept)
            for name, spec in tasks.scanned().items()
        ]
        tell_kept(entry.slug, measured)
        settling = {m.task: Settling(m) for m in measured if settings.settles(m.task)}
        settle(entry.slug, [*settling.values()], settings.settle.max_seconds, model.progress)
        effects = pd.concat(
            [
                rows
                for m in measured
                for rows in (
                    settling[m.task].rows(model.progress)
                    if m.task in settling
                    else m.head_effects(model.progress)
                )
            ],
            ignore_index=True,
        )
        effects["settled"] = effects["settled"].astype("boolean")
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
                [
                    attribution_rows(model.anatomy, m.task, m.attributions)
                    for m in measured
                    if m.answered
                ],
            ),
            head_profiles=model.table(
                HEAD_PROFILES, [profiles_of(model.anatomy, prompts, settings.seed)]
            ),
            competence=model.table(COMPETENCE, [competence]),
            bos_effects=model.table(BOS_EFFECTS, bos_table),
            run_log=model.log(kept.heads + sum(of_task.spared() for of_task in settling.values())),
        )


def _as_before(model: OpenedModel, settings: ScanSettings, kept: KeptLayers) -> OpenedModel:
    """The model with the chunk of what was kept, where nobody has chosen one: free memory, on which
    the choice depends, is another at every start."""
    tokens = kept.chunk()
    if settings.chunk != "auto" or tokens is None:
        return model
    return replace(model, chunk=Chunk.of(model.anatomy, tokens, settings.max_memory))


def tell_kept(slug: str, measured: list[Measurement]) -> None:
    """Say how much a scan that was stopped has left to go on with."""
    counts = [m.kept_layers() for m in measured]
    found, layers = (sum(numbers) for numbers in zip(*counts, strict=True))
    if found:
        _log.info(
            "%s: %d of %d layers were kept by a run that was stopped; going on",
            *(slug, found, layers),
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
