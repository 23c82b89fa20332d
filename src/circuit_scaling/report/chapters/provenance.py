"""The chapter on where the numbers come from: fingerprints, run log, library versions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from circuit_scaling.figures.style import number
from circuit_scaling.report.blocks import (
    Block,
    Missing,
    Table,
    arrange,
    as_float,
    code_cell,
    column,
    columns,
    count_cell,
    counted,
    model_cell,
    number_cell,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.tables.made_with import made_with

LOGS = ("run_log", "causal_log", "ablation_log", "detect_log", "mask_log")


def _tell(context: ReportContext) -> Told:
    blocks: list[Block] = []
    sentences: list[str] = []
    heads = context.tables.get("classified_heads")
    if heads is None or "fingerprint" not in heads.columns:
        blocks.append(Missing(("classified_heads",)))
    else:
        produced = (
            "weights, prompts, ablation and engine version"
            if not context.imported
            else "the imported file, and the model's size in the roster"
        )
        sentences.append(f"A fingerprint is a hash of what produced a model's rows: {produced}.")
        pairs = arrange(heads[["family", "model", "fingerprint"]].drop_duplicates(), context.order)
        rows = tuple(
            (model_cell(model), code_cell(mark))
            for model, mark in columns(pairs, "model", "fingerprint")
        )
        table = Table(("model", "fingerprint"), rows, "Fingerprints by model.")
        blocks.append(table)
    if parameters := _parameters(context.tables.values()):
        sentences.append("Each table carries the parameters that it was made with.")
        blocks.append(_parameter_table(parameters))
    if len(context.commits) > 1:
        blocks.append(_commit_table(context.commits))
    given = [context.tables[name] for name in LOGS if name in context.tables]
    if "run_log" not in context.tables and not context.imported:
        blocks.append(Missing(("run_log",)))
    if given:
        log = pd.concat(given, ignore_index=True)
        seconds = log["seconds"].sum()
        sentences.append(
            f"The run log has {counted(len(log), 'line')}"
            f" and {number(as_float(seconds), 0)} seconds of work."
        )
        sentences += _versions(log)
        blocks.append(_run_table(arrange(log, context.order)))
    return Told(sentences, blocks)


def _parameters(tables: Iterable[pd.DataFrame]) -> dict[str, object]:
    """Dotted name -> value, of all tables: no run mixes two values of one."""
    found: dict[str, object] = {}
    for table in tables:
        found |= made_with(table)
    return dict(sorted(found.items()))


def _parameter_table(parameters: Mapping[str, object]) -> Table:
    rows = [
        (code_cell(name), code_cell(json.dumps(value, ensure_ascii=False)))
        for name, value in parameters.items()
    ]
    caption = "The parameters that the tables of this page were made with"
    return Table(("parameter", "value"), rows, caption, folded=True)


def _commit_table(commits: Mapping[str, Sequence[str]]) -> Table:
    rows = [(code_cell(commit), text_cell(", ".join(names))) for commit, names in commits.items()]
    return Table(("commit", "tables"), rows, "The tables were made at different commits.")


def _run_table(log: pd.DataFrame) -> Table:
    names = ("stage", "model", "seconds", "peak_memory_mb", "device", "threads", "chunk")
    rows = tuple(
        (
            text_cell(stage),
            model_cell(model),
            number_cell(seconds, 1),
            number_cell(memory, 0),
            text_cell(device),
            count_cell(threads),
            count_cell(chunk),
            number_cell(rate, 1, note=what),
        )
        for stage, model, seconds, memory, device, threads, chunk, rate, what in columns(
            log, *names, "per_second", "counted"
        )
    )
    labels = (
        *("stage", "model", "seconds", "peak memory (MB)", "device", "threads", "chunk"),
        "per second",
    )
    return Table(labels, rows, "What each stage took.")


def _versions(log: pd.DataFrame) -> list[str]:
    """One sentence per library: its version, or its versions where the entries differ."""
    found: dict[str, set[str]] = {}
    for text in column(log, "versions").dropna():
        for library, version in json.loads(text).items():
            found.setdefault(library, set()).add(str(version))
    if not found:
        return []
    parts = [f"{library} {' and '.join(sorted(found[library]))}" for library in sorted(found)]
    return [f"Libraries: {', '.join(parts)}."]


CHAPTER = Chapter(
    anchor="provenance",
    title="Where the numbers come from",
    pipeline="report",
    also=("classified_heads", *LOGS),
    tell=_tell,
)
