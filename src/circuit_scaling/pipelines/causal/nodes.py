"""Nodes of causal tracing: trace one model, put models together, export, draw."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from circuit_scaling.analysis.causal.exports import causal_for_people
from circuit_scaling.analysis.causal.similarity import hero_similarity
from circuit_scaling.analysis.causal.verdicts import causal_summary as summary_of
from circuit_scaling.analysis.made_from import stamp, stamp_like
from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.causal.influence import causal_influence, of_task
from circuit_scaling.figures.causal.reads_writes import reads_writes, reads_writes_of
from circuit_scaling.figures.style import file_name
from circuit_scaling.marks import marked_by
from circuit_scaling.measuring.causal.freshness import (
    check_traced,
    tracing_fingerprint,
    tracing_mark,
)
from circuit_scaling.measuring.causal.heroes import subjects_of
from circuit_scaling.measuring.causal.settings import CausalSettings
from circuit_scaling.measuring.scan.freshness import check_heads
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.measuring.shared.columns import JoinSettings
from circuit_scaling.measuring.shared.of_model import of_model, prompts_of
from circuit_scaling.models.roster import Roster, RosterEntry
from circuit_scaling.pipelines.per_model import stack
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.tables.registry import ALL_TABLES

# torch and transformers are imported inside the functions: the registry must start without them.

_TRACED = ("causal_traces", "head_reads", "head_writes", "hero_pairs")
PER_MODEL = (*_TRACED, "causal_log")
_log = logging.getLogger(__name__)


@marked_by(tracing_mark)
def trace_heads(
    entry: RosterEntry,
    tasks: Tasks,
    prompt_settings: PromptSettings,
    scan: ScanSettings,
    columns: JoinSettings,
    settings: CausalSettings,
    **tables: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Load the model once and trace its heroes; a model without any gives empty tables.

    ``tables`` are joint_prompts, classified_heads and hero_heads.
    """
    slug, prompts = entry.slug, prompts_of(tables["joint_prompts"], entry.slug)
    classified_heads, hero_heads = tables["classified_heads"], tables["hero_heads"]
    heads = of_model(classified_heads, slug)
    scanned = check_heads(entry, tasks, prompt_settings, scan, prompts, heads)
    subjects = subjects_of(entry, classified_heads, hero_heads, settings)
    if not subjects.traced:
        _log.warning("%s: no hero heads, so nothing is traced", slug)
        return {name: ALL_TABLES[name].empty() for name in PER_MODEL}
    from circuit_scaling.measuring.causal.trace import trace_model

    fingerprint = tracing_fingerprint(columns.mark(scanned), subjects, settings)
    of_columns = columns.as_columns(prompts)
    corrupt = columns.corrupt_texts(tasks)
    traced = trace_model(entry, scan, settings, of_columns, heads, subjects, fingerprint, corrupt)
    return {name: getattr(traced, name) for name in PER_MODEL}


def collect(
    models: dict[str, Any],
    columns: JoinSettings,
    settings: CausalSettings,
    classified_heads: pd.DataFrame,
    hero_heads: pd.DataFrame,
    *tables: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Refuse tracings that do not fit; else put the models together and sum them up.

    ``tables`` are the first of ``PER_MODEL`` of every model of ``models``, then the second, …
    """
    roster = Roster.model_validate(models).root
    n = len(roster)
    for place, (slug, entry) in enumerate(roster.items()):
        subjects = subjects_of(entry, classified_heads, hero_heads, settings)
        traced = dict(zip(_TRACED, tables[place::n], strict=False))
        check_traced(slug, classified_heads, subjects, columns, settings, traced)
    traces, reads, writes, pairs, log = (
        stack(*tables[first : first + n]) for first in range(0, len(tables), n)
    )
    ours = hero_heads[hero_heads["model"].isin(roster)]
    collected = {
        "causal_summary": summary_of(ours, classified_heads, traces, writes, settings.min_share),
        "head_reads": reads,
        "head_writes": writes,
        "hero_pairs": pairs,
        "hero_similarity": hero_similarity(
            reads, classified_heads, settings.n_permutations, settings.seed
        ),
        "causal_log": log,
    }
    return stamp(collected, classified_heads)


def export(causal_summary: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The CSV table for people."""
    return causal_for_people(causal_summary)


def draw(
    models: dict[str, Any],
    causal_summary: pd.DataFrame,
    head_reads: pd.DataFrame,
    head_writes: pd.DataFrame,
) -> Drawn:
    """Strength against influence on both tasks; for each model what its heroes read and write."""
    drawn: Drawn = {}
    for name, task in (("causal_ioi", "ioi"), ("causal_anti", "anti_names")):
        shown = of_task(causal_summary, task)
        drawn[name] = (causal_influence(shown), shown)
    for slug in models:
        shown = reads_writes_of(slug, causal_summary, head_reads, head_writes)
        drawn[f"{file_name(slug)}_reads_writes"] = (reads_writes(shown), shown)
    return stamp_like(drawn, causal_summary)
