"""The chapter on how much the threshold matters."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import number
from circuit_scaling.report.blocks import (
    MISSING,
    Cell,
    Table,
    arrange,
    as_float,
    model_cell,
    share,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.vocabulary import STRONG_CATEGORIES

_BASES = {"delta": "Δ", "relative": "Δ / clean metric"}


def _tell(context: ReportContext) -> Told:
    frame = context.tables["category_sensitivity"]
    frame = arrange(frame, context.order)
    taus = sorted(frame["tau"].unique())
    bases = [basis for basis in _BASES if basis in set(frame["basis"])]
    relative = " and on the effect divided by the clean metric of its model"
    sentences = [
        "The same heads are counted again at other thresholds, on the effect itself"
        f"{relative if 'relative' in bases else ''}."
    ]
    for basis in bases:
        if len(taus) > 1:
            first, last = (_strong_share(frame, basis, tau) for tau in (taus[0], taus[-1]))
            sentences.append(
                f"By {_BASES[basis]}, {first} of the heads are not weak at τ = {taus[0]:g}"
                f" and {last} at τ = {taus[-1]:g}."
            )
    by_key = {(row["model"], row["basis"], row["tau"]): row for row in frame.to_dict("records")}
    suspect = context.suspect_models
    rows = []
    for model in frame["model"].drop_duplicates():
        for basis in bases:
            cells = [_sensitivity_cell(by_key.get((model, basis, tau))) for tau in taus]
            rows.append((model_cell(model, suspect), text_cell(_BASES[basis]), *cells))
    names = ["model", "basis", *(f"τ = {tau:g}" for tau in taus)]
    table = Table(
        names,
        rows,
        f"Heads that are IOI only · anti-repetition only · shared. τ = {context.tau:g} is used in"
        " the rest of this page.",
    )
    return Told(tuple(sentences), (table,))


def _strong_share(frame: pd.DataFrame, basis: str, tau: float) -> str:
    rows = frame[(frame["basis"] == basis) & (frame["tau"] == tau)]
    total = rows["n_heads_total"].sum() if "n_heads_total" in rows else 0
    counts = sum(rows[f"n_{category}"].sum() for category in STRONG_CATEGORIES)
    total = total or counts + rows["n_weak"].sum()
    return share(counts / total, 1) if total else MISSING


def _sensitivity_cell(row: dict[Hashable, Any] | None) -> Cell:
    if row is None:
        return Cell(MISSING, numeric=True)
    parts = tuple(
        (category, number(as_float(row[f"n_{category}"]), 0)) for category in STRONG_CATEGORIES
    )
    return Cell("", numeric=True, parts=parts)


CHAPTER = Chapter(
    anchor="sensitivity",
    title="How much the threshold matters",
    pipeline="classify",
    tables=("category_sensitivity",),
    also=("classified_heads",),
    tell=_tell,
)
