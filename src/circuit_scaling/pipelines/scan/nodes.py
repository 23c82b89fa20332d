"""Nodes of the scan: prompts, then the one heavy stage."""

from __future__ import annotations

import logging

import pandas as pd

from circuit_scaling.analysis.classify.power import power_lines
from circuit_scaling.marks import marked_by
from circuit_scaling.measuring.scan.freshness import prompts_mark, scan_mark
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sources import identity_of
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.spec import PromptSettings, Tasks

# torch and transformers are imported inside the functions: the registry must start without them.

_log = logging.getLogger(__name__)


@marked_by(prompts_mark)
def make_prompts(entry: RosterEntry, tasks: Tasks, settings: PromptSettings) -> pd.DataFrame:
    """All prompts of all tasks in the tokens of one model."""
    from circuit_scaling.models.loading import load_tokenizer, named_tokenizer

    reads = load_tokenizer(entry)
    prompts, dropped = build_prompts(
        tasks,
        settings,
        reads.tokenizer,
        prefix=reads.prefix,
        chat=entry.chat,
        model=identity_of(entry, reads.commit),
        commit=reads.commit,
        tokenizer_of=named_tokenizer,
    )
    lost = ", ".join(f"{n} {words}" for words, n in dropped.items() if n)
    if lost:
        _log.warning("%s: dropped because its tokenizer cannot use them: %s", entry.slug, lost)
    return prompts


@marked_by(scan_mark)
def ablate_heads(
    entry: RosterEntry,
    tasks: Tasks,
    settings: ScanSettings,
    tau: float,
    prompts: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Load the model once, ablate every head on every task, score every head.

    How many prompts would tell the heads from ``tau`` is said at the end; no table depends on it.
    """
    from circuit_scaling.measuring.scan.scan import scan_model

    scanned = scan_model(entry, tasks, settings, prompts)
    for line in power_lines(scanned.head_effects, settings.primary, tau):
        _log.info("%s: %s", entry.slug, line)
    return {
        "head_effects": scanned.head_effects,
        "head_attributions": scanned.head_attributions,
        "head_profiles": scanned.head_profiles,
        "competence": scanned.competence,
        "bos_effects": scanned.bos_effects,
        "run_log": scanned.run_log,
    }
