"""The chapter on heads whose roles others have published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from circuit_scaling.analysis.classify.known_heads import published_heads
from circuit_scaling.figures.style import number
from circuit_scaling.report.blocks import (
    MISSING,
    Cell,
    Table,
    arrange,
    counted,
    head_name,
    interval,
    number_cell,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext

_REMARKS = {
    "able": "",
    "unable": ", which is not competent on IOI",
    "unknown": ", of which it is not known whether it is competent on IOI",
}


def _tell(context: ReportContext) -> Told:
    """Every published head of the models that are here, with its effect on IOI."""
    frame = context.tables["known_heads"]
    if frame.empty:
        names = ", ".join(published_heads()["checkpoint"].unique())
        sentence = f"Not run: none of the models with published heads was scanned ({names})."
        return Told((sentence,))
    frame = arrange(frame, context.order)
    suspect = context.suspect
    tables = tuple(
        _table(str(model), rows, suspect, context.marked(context.ability(model, "ioi")))
        for model, rows in frame.groupby("model", sort=False)
    )
    return Told(tuple(_sentences(frame)), tables)


def _sentences(frame: pd.DataFrame) -> list[str]:
    sentences = [
        "Others have found what single heads of these models do. Without a head that brings out"
        " the answer, or prepares it, the contrast should fall (Δ below 0); without one that"
        " writes against the answer, as negative name movers and copy-suppression heads do, it"
        " should rise. Backup name movers step in for others, so that ablating one alone predicts"
        " no sign. The published score is the direct effect on the answer's logit, positive where"
        " the head suppresses it."
    ]
    signed = frame["sign_as_expected"].dropna()
    if len(signed):
        sentences.append(
            f"The effect has the expected sign for {int(signed.sum())} of the"
            f" {counted(len(signed), 'published role')} that predict{'s' * (len(signed) == 1)} one;"
            f" by chance for {number(len(signed) / 2, 1)}."
        )
    if frame["low"].isna().all():
        sentences.append("There are no intervals, so that no sign is resolved.")
    else:
        resolved = int((frame["verdict"] == "as expected").sum())
        sentences.append(f"For {resolved} of them the whole interval has it.")
    for verdict, what in (
        ("against expectation", "The whole interval has the other sign for"),
        ("not measured", "Not measured:"),
        ("outside the shape", "The model has no such head:"),
    ):
        rows = frame[frame["verdict"] == verdict]
        if len(rows):
            sentences.append(f"{what} {_named(rows)}.")
    return sentences


def _named(rows: pd.DataFrame) -> str:
    return ", ".join(
        f"{head_name(row['layer'], row['head'])} of {row['model']} ({row['role']})"
        for row in rows.to_dict("records")
    )


def _table(
    model: str, rows: pd.DataFrame, suspect: Mapping[tuple[str, int, int], str], ability: str
) -> Table:
    names = ["head", "role", "contrast expected", "Δ_ioi", "q", "rank by size", "verdict"]
    names += ["published score", "source"]
    cells = [_cells(row, suspect) for row in rows.to_dict("records")]
    return Table(names, cells, f"{model}{_REMARKS[ability]}", folded=True, model=model)


def _cells(row: dict[Any, Any], suspect: Mapping[tuple[str, int, int], str]) -> tuple[Cell, ...]:
    sign = row["expected_sign"]
    rank = MISSING if pd.isna(row["rank"]) else f"{row['rank']:.0f} of {row['n_heads_measured']}"
    against = row["verdict"] == "against expectation"
    return (
        text_cell(
            head_name(row["layer"], row["head"]),
            flag=suspect.get((row["model"], row["layer"], row["head"]), ""),
        ),
        text_cell(row["role"], note=f"reads at {row['reads_at']}"),
        text_cell(MISSING if pd.isna(sign) else "falls" if sign < 0 else "rises"),
        number_cell(row["delta_ioi"], 3, note=interval(row["low"], row["high"], 3)),
        number_cell(row["q_ioi"], 3),
        Cell(rank, numeric=True),
        Cell("", flag=row["verdict"]) if against else text_cell(row["verdict"]),
        number_cell(row["published_score"]),
        text_cell(row["source"]),
    )


CHAPTER = Chapter(
    anchor="known",
    title="Heads known from the literature",
    pipeline="classify",
    tables=("known_heads",),
    also=("classified_heads", "competence"),
    tell=_tell,
)
