"""The chapter on the models of the run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import order_models
from circuit_scaling.report.blocks import (
    Cell,
    Table,
    arrange,
    as_float,
    code_cell,
    columns,
    count_cell,
    counted,
    model_cell,
    number_cell,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext


def _tell(context: ReportContext) -> Told:
    if context.roster is None:
        return Told(("No roster was given.",))
    frame = arrange(context.roster, order_models(context.roster))
    measured = _measured(context.tables.get("classified_heads"))
    weights = _weights(context.tables.get("run_log"))
    rows = tuple(
        (
            model_cell(model),
            text_cell(family),
            number_cell(params, 2 if as_float(params) < 10 else 0),
            count_cell(layers),
            count_cell(heads),
            _source_cell(source, measured["revision"].get(model), note),
            text_cell(measured["bos"].map({True: "yes", False: "no"}).get(model)),
            text_cell(weights.get(model)),
        )
        for model, family, params, layers, heads, source, note in columns(
            frame, "model", "family", "params_m", "layers", "heads", "source", "note"
        )
    )
    names = ("model", "family", "parameters (M)", "layers", "heads per layer", "source", "BOS")
    caption = (
        "The roster of this run; BOS: whether prompts begin with that token; weights: the numbers"
        " that were measured, and what they were stored as before."
    )
    total = sum(as_float(a) * as_float(b) for a, b in columns(frame, "layers", "heads"))
    sentence = f"The roster names {counted(len(frame), 'model')}"
    sentence += "." if pd.isna(total) else f" with {counted(int(total), 'attention head')}."
    sentences = [sentence]
    quantised = [model for model, words in weights.items() if "dequantised" in words]
    if quantised:
        sentences.append(
            f"The weights of {', '.join(quantised)} had been quantised. What is measured is the"
            " model with the dequantised weights, and not the one that was trained."
        )
    return Told(sentences, (Table((*names, "weights"), rows, caption),))


def _weights(log: pd.DataFrame | None) -> dict[str, str]:
    """Model -> the numbers that its scan used, as far as scans are logged."""
    if log is None or "weights" not in log:
        return {}
    scans = log[log["stage"] == "scan"]
    return dict(zip(scans["model"], scans["weights"], strict=True))


def _measured(heads: pd.DataFrame | None) -> pd.DataFrame:
    """What the heads of each model were measured with: ``bos`` and ``revision``, by model."""
    facts = ["model", "bos", "revision"]
    known = pd.DataFrame(columns=facts) if heads is None else heads[facts].drop_duplicates("model")
    return known.set_index("model")


def _source_cell(source: object, revision: str | None, note: Any) -> Cell:
    """Where the weights come from, the commit that was measured of a hub model, and the note."""
    lines = (f"commit {revision[:12]}" if revision else "", "" if pd.isna(note) else str(note))
    return replace(code_cell(source), note="\n".join(filter(None, lines)))


CHAPTER = Chapter(
    anchor="models",
    title="Models",
    pipeline="scan",
    also=("classified_heads", "run_log"),
    tell=_tell,
    needs_scan=True,
)
